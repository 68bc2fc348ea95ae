# nic.sh: where QEMU and a kernel for it are, for ./dev nic alone. Sourced by ./dev (bash) behind debian.sh.
#
# The packages of nic.txt, with those that they need and the environment lacks, are unpacked beside the environment and
# not installed, as the peers are: no kernel, boot loader or service of theirs is set up anywhere.
. "$tree/tests/env/unpacked.sh"

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
	unpacked_prepare "a virtual machine" /opt/weir-nic "" "$tree/tests/env/nic.txt" needs_unpack
}
