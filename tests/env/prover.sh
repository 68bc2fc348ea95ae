# prover.sh: where CBMC is, for ./dev prove alone. Sourced by ./dev (bash) behind debian.sh.
#
# The packages of prover.txt are unpacked beside the environment and not installed, as the peers are: whoever does
# not prove anything needs none of them.
. "$tree/tests/env/unpacked.sh"

prover_prepare() {
	unpacked_prepare "the prover" /opt/weir-prover /usr/bin/cbmc "$tree/tests/env/prover.txt" peers_unpack
}
