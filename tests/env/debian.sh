# debian.sh: makes the Debian 13 environment and keeps it up to date. Sourced by ./dev (bash).
#
# environment_prepare sets `root`: / when the machine itself is Debian 13 and apt can add what is
# missing without removing anything, else the directory of a private root made by debootstrap under
# $cache. The private root is built under another name and renamed when complete; the packages are a
# second step with a stamp of their own (a hash of tests/env/packages.txt and of this file), so that
# an interrupted run is never mistaken for a finished one, and a changed list is an `apt install`
# and not a new root. A lock lets two ./dev share the work.
#
# No mirror is named here: apt's own view of the machine's sources (`apt-get indextargets`) is
# asked, each candidate must present a Debian 13 release file, and debootstrap's default is the last
# resort. Signatures are checked by debootstrap and apt as always.

suite=trixie
private_root=$cache/$suite
packages_file=$tree/tests/env/packages.txt
peers_file=$tree/tests/env/peers.txt
fault_log=$cache/environment.log

environment_prepare() {
	choose_root
	if [ "$root" = / ]; then
		return 0
	fi
	if environment_current; then
		return 0
	fi
	making_lock
	if ! environment_current; then
		proxies_export
		[ -d "$private_root" ] || root_make
		root_install
	fi
	exec 8>&-
}

# Held on descriptor 8 until that is closed.
making_lock() {
	mkdir -p "$cache" 2>/dev/null ||
		die "cannot write to $cache; set WEIR_CACHE to a directory on a disk with 4 GiB free"
	exec 8>"$cache/making.lock"
	flock -n 8 || { say "another ./dev is making the environment: waiting" && flock 8; }
}

package_list() {
	sed -e 's/#.*//' "$packages_file" | xargs
}

peer_list() {
	sed -e 's/#.*//' "$peers_file" | xargs
}

# peers_unpack FOLDER NAME...: those packages' files below FOLDER; no script of theirs runs. A folder
# that is there is whole: it is renamed when all of them are in it.
peers_unpack() {
	local folder=$1 deb
	shift
	rm -rf "$folder" "$folder.making"
	mkdir -p "$folder.making/debs"
	(cd "$folder.making/debs" && apt-get download "$@")
	for deb in "$folder.making"/debs/*.deb; do
		dpkg-deb -x "$deb" "$folder.making"
	done
	rm -rf "$folder.making/debs"
	mv "$folder.making" "$folder"
}

environment_stamp() {
	cat "$packages_file" "$peers_file" "$tree/tests/env/debian.sh" | sha256sum | cut -d' ' -f1
}

environment_current() {
	[ "$(cat "$private_root/etc/weir-environment" 2>/dev/null)" = "$(environment_stamp)" ]
}

# Sets root. Installing in place must not take anything away from the machine's owner (postfix would
# replace another MTA, for one): then the private root is used here too.
choose_root() {
	root=$private_root
	case ${WEIR_ENV:-} in
	private) return 0 ;;
	place | '') ;;
	*) die "WEIR_ENV is '$WEIR_ENV'; it may be 'private' or 'place'" ;;
	esac
	if [ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}-${VERSION_ID:-}")" != debian-13 ]; then
		[ "${WEIR_ENV:-}" != place ] || die "WEIR_ENV=place works on Debian 13 only"
		return 0
	fi
	place_install
}

package_missing() {
	local name
	for name in $(package_list); do
		case $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) in
		installed) ;;
		*) echo "$name" ;;
		esac
	done
}

place_install() {
	local missing plan policy=/usr/sbin/policy-rc.d
	missing=$(package_missing | xargs)
	if [ -z "$missing" ] && [ -d "$cache/peers" ]; then
		root=/
		return 0
	fi
	making_lock
	if [ -z "$missing" ]; then
		place_peers
		root=/
		return 0
	fi
	say "installing with apt: $missing"
	proxies_export
	apt_quietly "apt-get update" apt-get update
	plan=$(apt-get install --no-install-recommends -s $missing 2>&1) ||
		die "apt cannot install these packages:"$'\n'"$plan"
	if grep -q '^Remv' <<<"$plan"; then
		[ "${WEIR_ENV:-}" != place ] || die "installing them would remove packages; not done"
		say "that would remove packages from this machine: a private root is used instead"
		exec 8>&-
		return 0
	fi
	postfix_preseed | debconf-set-selections
	# No service may start because of us; the machine's own policy, if it has one, stays.
	if [ ! -e $policy ]; then
		trap "rm -f $policy" EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		apt_quietly "apt-get install" apt-get install -y --no-install-recommends $missing
		rm -f $policy
		trap - EXIT
	else
		apt_quietly "apt-get install" apt-get install -y --no-install-recommends $missing
	fi
	place_peers
	root=/
}

# The caller holds the lock, which ends here.
place_peers() {
	proxies_export
	[ -d "$cache/peers" ] ||
		(peers_unpack "$cache/peers" $(peer_list)) >"$fault_log" 2>&1 ||
		fault_show "unpacking the peers of the comparison"
	exec 8>&-
}

postfix_preseed() {
	echo "postfix postfix/main_mailer_type select No configuration"
}

# Runs with the output in a log, shown only when it fails.
apt_quietly() {
	local what=$1
	shift
	mkdir -p "$cache"
	if ! DEBIAN_FRONTEND=noninteractive "$@" -o DPkg::Lock::Timeout=300 \
		</dev/null >"$fault_log" 2>&1; then
		fault_show "$what"
	fi
}

fault_show() {
	tail -n 25 "$fault_log" >&2
	die "$1 failed (whole output: $fault_log)." \
		"If the lines above speak of names or connections, the package registry cannot be" \
		"reached from here: check the network, http_proxy, or apt's own settings"
}

# Proxies as apt knows them, for debootstrap's wget and for the apt inside.
proxies_export() {
	local detect
	command -v apt-config >/dev/null || return 0
	if [ -z "${http_proxy:-}" ]; then
		eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
		eval "$(apt-config shell detect Acquire::http::Proxy-Auto-Detect)"
		if [ -z "${http_proxy:-}" ] && [ -x "${detect:-}" ]; then
			http_proxy=$("$detect" http://debian/ 2>/dev/null) || http_proxy=
		fi
		case ${http_proxy:-} in
		'' | DIRECT) unset http_proxy ;;
		*) export http_proxy ;;
		esac
	fi
	if [ -z "${https_proxy:-}" ]; then
		eval "$(apt-config shell https_proxy Acquire::https::Proxy)"
		case ${https_proxy:-} in
		'' | DIRECT) unset https_proxy ;;
		*) export https_proxy ;;
		esac
	fi
}

root_make() {
	local making=$private_root.making main include=ca-certificates
	disk_check
	debootstrap_need
	rm -rf --one-file-system "$making"
	main=$(mirrors "" | head -n 1)
	say "making a Debian 13 root in $private_root from ${main:-the default mirror}"
	contained_quietly "debootstrap" debootstrap --variant=minbase --include=$include \
		--merged-usr $suite "$making" $main
	printf '#!/bin/sh\nexit 101\n' >"$making/usr/sbin/policy-rc.d"
	chmod 755 "$making/usr/sbin/policy-rc.d"
	mv "$making" "$private_root"
}

disk_check() {
	local free
	free=$(df --output=avail -m "$cache" | tail -n 1)
	[ "$free" -ge 4096 ] || die "$cache has $free MiB free; the environment needs 4096" \
		"(WEIR_CACHE chooses another place)"
}

debootstrap_need() {
	if command -v debootstrap >/dev/null && [ -e /usr/share/debootstrap/scripts/$suite ]; then
		return 0
	fi
	command -v apt-get >/dev/null || die "needs debootstrap with a script for $suite;" \
		"please install it with this system's package manager"
	say "installing debootstrap with apt"
	apt_quietly "apt-get update" apt-get update
	apt_quietly "apt-get install debootstrap" \
		apt-get install -y --no-install-recommends debootstrap debian-archive-keyring
	[ -e /usr/share/debootstrap/scripts/$suite ] ||
		die "this system's debootstrap does not know $suite; please install a newer one"
}

contained_quietly() {
	local what=$1
	shift
	if ! (contain "" "$@") </dev/null >"$fault_log" 2>&1; then
		fault_show "$what"
	fi
}

# mirrors "" | -security: the machine's own Debian archives that carry $suite (or its security
# suite), one URI a line. Other archives use Debian's code names for their suites too, so that only
# a release file that says "Origin: Debian" counts.
mirrors() {
	local codename uri
	command -v apt-get >/dev/null || return 0
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || return 0
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' \
		2>/dev/null | awk -v code="$codename" -v kind="$1" '
		$3 == "main" && (kind == "" && ($2 == code || $2 == code "-updates") ||
			kind != "" && ($2 == code kind || $2 == code "/updates")) { print $1 }' |
		sort -u | while read -r uri; do
		case $uri in
		http://* | https://*) ! archive_answers "$uri" "$suite$1" || echo "$uri" ;;
		esac
	done
}

archive_answers() {
	local file
	file=$(mktemp -d)
	/usr/lib/apt/apt-helper download-file "${1%/}/dists/$2/InRelease" "$file/release" \
		>/dev/null 2>&1 || true
	grep -qs '^Origin: Debian$' "$file/release"
	set -- $?
	rm -rf "$file"
	return "$1"
}

# The main mirror is what debootstrap wrote down; security is the machine's own, or stands beside
# the main one, as it does on most mirrors.
root_sources() {
	local main security
	main=$(awk '$1 == "deb" { print $2; exit }' "$private_root/etc/apt/sources.list")
	security=$(mirrors -security | head -n 1)
	[ -n "$security" ] || security=${main%/}-security
	echo "deb $main $suite main"
	! archive_answers "$main" $suite-updates || echo "deb $main $suite-updates main"
	! archive_answers "$security" $suite-security || echo "deb $security $suite-security main"
}

root_install() {
	local list
	list=$(package_list)
	say "installing the packages of tests/env/packages.txt (some minutes the first time)"
	root_sources >"$private_root/etc/apt/sources.list.weir"
	mv "$private_root/etc/apt/sources.list.weir" "$private_root/etc/apt/sources.list"
	cat /etc/resolv.conf >"$private_root/etc/resolv.conf" 2>/dev/null || true
	{ cat /etc/hosts 2>/dev/null || true; echo "127.0.0.1 localhost weir-dev"; } \
		>"$private_root/etc/hosts"
	mkdir -p "$private_root/usr/local/share/ca-certificates"
	cp /usr/local/share/ca-certificates/*.crt "$private_root/usr/local/share/ca-certificates/" \
		2>/dev/null || true
	contained_quietly "installing packages" "$tree/tests/env/enter" "$private_root" "$tree" \
		"$cache" host /bin/sh -euc "
		$(declare -f postfix_preseed | sed 's/^postfix_preseed ()/postfix_preseed()/')
		update-ca-certificates
		apt-get update
		dpkg --configure -a
		postfix_preseed | debconf-set-selections
		apt-get install -y -f --no-install-recommends $list
		apt-get clean
		$(declare -f peers_unpack)
		peers_unpack /opt/weir-peers $(peer_list)"
	git_trust
	environment_stamp >"$private_root/etc/weir-environment"
	say "environment ready"
}

# The tree belongs to the user outside, and root inside may read its history all the same.
git_trust() {
	printf '[safe]\n\tdirectory = *\n' >"$private_root/etc/gitconfig"
}
