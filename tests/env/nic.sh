# nic.sh: where QEMU and a kernel for it are, for ./dev nic alone. Sourced by ./dev (bash) behind debian.sh.
#
# The packages of nic.txt, with those that they need and the environment lacks, are unpacked beside the environment and
# not installed, as the peers are: no kernel, boot loader or service of theirs is set up anywhere.

nic_list() {
	sed -e 's/#.*//' "$tree/tests/env/nic.txt" | xargs
}

# needs_unpack FOLDER NAME...: as peers_unpack, with what apt would install beside them.
needs_unpack() {
	local folder=$1 deb
	shift
	rm -rf "$folder" "$folder.making"
	mkdir -p "$folder.making/debs/partial"
	apt-get install -y --no-install-recommends --download-only \
		-o Dir::Cache::archives="$folder.making/debs" "$@"
	for deb in "$folder.making"/debs/*.deb; do
		dpkg-deb -x "$deb" "$folder.making"
	done
	rm -rf "$folder.making/debs"
	mv "$folder.making" "$folder"
}

nic_prepare() {
	local folder=/opt/weir-nic
	[ ! -d "$root$folder" ] || return 0
	say "unpacking a virtual machine: $(nic_list)"
	making_lock
	proxies_export
	if [ "$root" = / ]; then
		(needs_unpack $folder $(nic_list)) >"$fault_log" 2>&1 || fault_show "unpacking the machine"
	else
		contained_quietly "unpacking the machine" "$tree/tests/env/enter" "$private_root" "$tree" \
			"$cache" host /bin/sh -euc "apt-get update
			$(declare -f needs_unpack)
			needs_unpack $folder $(nic_list)"
	fi
	exec 8>&-
}
