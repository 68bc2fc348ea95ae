# unpacked.sh: packages of one command alone, unpacked beside the environment and not installed, as the peers are: who
# never gives that command needs none of them. Sourced by ./dev (bash) behind debian.sh.

# A list of packages.
list_of() {
	sed -e 's/#.*//' "$1" | xargs
}

# unpacked_prepare WHAT FOLDER FILE LIST UNPACK: the packages of LIST below FOLDER of the root, unless FILE (of them, or
# empty: the folder itself) is there already, by the function UNPACK, which is called as peers_unpack is.
unpacked_prepare() {
	local what=$1 folder=$2 unpack=$5 names
	names=$(list_of "$4")
	[ ! -e "$root$folder$3" ] || return 0
	say "unpacking $what: $names"
	making_lock
	proxies_export
	if [ "$root" = / ]; then
		($unpack "$folder" $names) >"$fault_log" 2>&1 || fault_show "unpacking $what"
	else
		contained_quietly "unpacking $what" "$tree/tests/env/enter" "$private_root" "$tree" \
			"$cache" host /bin/sh -euc "apt-get update
			$(declare -f $unpack)
			$unpack $folder $names"
	fi
	exec 8>&-
}
