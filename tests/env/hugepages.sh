# hugepages.sh: asks the kernel for 2 MiB pages and gives them back. Sourced by ./dev (bash).
#
# /proc/sys/vm/nr_hugepages belongs to the whole machine, and two ./dev may run at once. Each writes
# down what it really gained, one line "PID STARTTIME GAINED" in a file under a lock, and takes off
# exactly that when it ends: whatever was there before, or was changed by somebody else meanwhile,
# stays. A ./dev that was killed could not give back; the next one finds its line, sees that the
# process is gone, and gives back in its place. The file is in /run: a reboot forgets it together
# with the pages. It does not decide where the pages are mounted (tests/env/enter does).

hugepages_file=/run/weir-hugepages
hugepages_count=/proc/sys/vm/nr_hugepages
hugepages_free=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages

# A process id alone may be reused; with the start time from /proc it names one process for ever.
process_start() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	set -- $stat
	echo "${20}"
}

# The caller holds the lock. Drops the lines of processes that are gone (and of $1), and prints how
# many pages they had.
hugepages_forget() {
	local pid start gained freed=0 keep=
	while read -r pid start gained; do
		if [ "$pid" != "$1" ] && [ "$(process_start "$pid")" = "$start" ]; then
			keep+="$pid $start $gained"$'\n'
		else
			freed=$((freed + gained))
		fi
	done <"$hugepages_file"
	printf %s "$keep" >"$hugepages_file"
	echo "$freed"
}

# hugepages_change FREED WANTED: sets the machine's count and prints what was gained.
hugepages_change() {
	local before now
	before=$(($(cat $hugepages_count) - $1))
	[ "$before" -ge 0 ] || before=0
	echo $((before + $2)) >$hugepages_count
	now=$(cat $hugepages_count)
	if [ "$now" -lt $((before + $2)) ]; then
		# Memory is often only scattered, not short: one try after compaction.
		echo 1 >/proc/sys/vm/compact_memory 2>/dev/null || true
		echo $((before + $2)) >$hugepages_count
		now=$(cat $hugepages_count)
	fi
	echo $((now > before ? now - before : 0))
}

# hugepages_take WANTED: never fails; says what follows when the kernel gives fewer.
hugepages_take() {
	local freed gained
	[ "$1" -gt 0 ] || return 0
	if [ ! -w $hugepages_count ]; then
		say "this kernel lets nobody ask for hugepages here; DPDK programs may not start"
		return 0
	fi
	touch "$hugepages_file"
	exec 8>"$hugepages_file.lock"
	flock 8
	freed=$(hugepages_forget 0)
	gained=$(hugepages_change "$freed" "$1")
	echo "$$ $(process_start $$) $gained" >>"$hugepages_file"
	exec 8>&-
	hugepages_taken=yes
	if [ "$gained" -lt "$1" ] && [ "$(cat $hugepages_free)" -lt "$1" ]; then
		say "asked for $1 hugepages of 2 MiB, $(cat $hugepages_free) are free: programs that" \
			"reserve more than $((2 * $(cat $hugepages_free))) MiB will refuse to start" \
			"(free some memory, or set WEIR_HUGEPAGES)"
	fi
}

hugepages_give() {
	[ "${hugepages_taken:-no}" = yes ] || return 0
	hugepages_taken=no
	exec 8>"$hugepages_file.lock"
	flock 8
	hugepages_change "$(hugepages_forget $$)" 0 >/dev/null
	exec 8>&-
}
