# prover.sh: where CBMC is, for ./dev prove alone. Sourced by ./dev (bash) behind debian.sh.
#
# The packages of prover.txt are unpacked beside the environment and not installed, as the peers are: whoever does
# not prove anything needs none of them.

prover_list() {
	sed -e 's/#.*//' "$tree/tests/env/prover.txt" | xargs
}

prover_prepare() {
	local folder=/opt/weir-prover
	[ ! -x "$root$folder/usr/bin/cbmc" ] || return 0
	say "unpacking the prover: $(prover_list)"
	making_lock
	proxies_export
	if [ "$root" = / ]; then
		(peers_unpack $folder $(prover_list)) >"$fault_log" 2>&1 || fault_show "unpacking the prover"
	else
		contained_quietly "unpacking the prover" "$tree/tests/env/enter" "$private_root" "$tree" \
			"$cache" host /bin/sh -euc "apt-get update
			$(declare -f peers_unpack)
			peers_unpack $folder $(prover_list)"
	fi
	exec 8>&-
}
