/*
 * wirebox.c - a long and bad cable between two network interfaces, in real time.
 *
 *	wirebox LEFT RIGHT SEED [there.KEY=N | back.KEY=N | KEY=N]...
 *
 * Frames that arrive on LEFT leave on RIGHT and the other way round, each direction through a path of
 * the simulator (tests/sim/tcp_path.h): the same losses, bursts, delays and queues that are tried in virtual time are
 * met by the kernel's TCP here. KEY is a member of struct path_plan (shares per mille, times in us); with `there.`
 * it holds for LEFT to RIGHT only, with `back.` for the way back, without for both.
 *
 * One thread that sleeps until a frame comes or is due. It ends on SIGTERM and prints what it carried:
 * `wirebox: there CARRIED LOST back CARRIED LOST`.
 *
 * Bounds: what is under way is bounded by the senders' windows and queue_bytes; frames over PATH_FRAME_BYTES are not
 * taken (segmentation offload must be off on both interfaces).
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/sim/tcp_path.h"

#define BURST		 64u      /* frames taken from one side before the other is looked at */
#define SOCKET_BYTES (8u << 20)
#define ENDS		 2u

struct key {
	const char *name;
	size_t at, bytes;
};

#define KEY(name) { #name, offsetof(struct path_plan, name), sizeof(((struct path_plan *)0)->name) }
static const struct key keys[] = { KEY(lost),	    KEY(doubled),    KEY(late),
				   KEY(corrupted),  KEY(burst_begins), KEY(burst_ends),
				   KEY(burst_lost), KEY(delay_us),   KEY(jitter_us),
				   KEY(late_us),    KEY(bytes_per_second), KEY(queue_bytes) };

static int ends[ENDS];
static struct path paths[ENDS]; /* of the frames that arrive on that end */
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "wirebox: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static struct instant clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct instant){ .us = (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000 };
}

/* What we send ourselves is not shown to us again. */
static int end_open(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = __builtin_bswap16(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(name) };
	int one = 1, bytes = SOCKET_BYTES;
	struct packet_mreq all = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (at.sll_ifindex == 0 || s < 0)
		die(name);
	if (setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
	    setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0 ||
	    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0 ||
	    bind(s, (struct sockaddr *)&at, sizeof(at)) != 0)
		die(name);
	return s;
}

/* ---- the plan ---- */

static bool member_set(struct path_plan *plan, const char *name, size_t name_bytes, uint64_t value)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		if (strlen(keys[i].name) != name_bytes || memcmp(keys[i].name, name, name_bytes) != 0)
			continue;
		uint32_t narrow = (uint32_t)value;
		const void *from = keys[i].bytes == sizeof(narrow) ? (const void *)&narrow : &value;
		memcpy((uint8_t *)plan + keys[i].at, from, keys[i].bytes);
		return true;
	}
	return false;
}

static void argument_take(struct path_plan plans[ENDS], const char *argument)
{
	const char *name = argument, *equals = strchr(argument, '=');
	bool there = true, back = true;
	if (strncmp(name, "there.", 6) == 0) {
		back = false;
		name += 6;
	} else if (strncmp(name, "back.", 5) == 0) {
		there = false;
		name += 5;
	}
	size_t bytes = equals == NULL ? 0 : (size_t)(equals - name);
	uint64_t value = equals == NULL ? 0 : strtoull(equals + 1, NULL, 10);
	if ((there && !member_set(&plans[0], name, bytes, value)) ||
	    (back && !member_set(&plans[1], name, bytes, value))) {
		fprintf(stderr, "wirebox: %s: no such member of struct path_plan\n", argument);
		exit(EXIT_FAILURE);
	}
}

/* ---- carrying ---- */

static void frames_take(unsigned from)
{
	static uint8_t frame[PATH_FRAME_BYTES];
	for (unsigned i = 0; i < BURST; i++) {
		ssize_t bytes = recv(ends[from], frame, sizeof(frame), MSG_TRUNC);
		if (bytes < 0)
			return;
		if (bytes >= ETHER_HDR_LEN + 1 && (size_t)bytes <= sizeof(frame))
			(void)path_send(&paths[from], span_of(frame, (size_t)bytes), clock_now());
	}
}

static void frames_give(unsigned from)
{
	struct path_frame frame;
	struct instant now = clock_now();
	while (path_next(&paths[from], now, &frame)) {
		(void)send(ends[1 - from], frame.data, frame.bytes, 0); /* full: it is lost, as in a switch */
		path_done(&frame);
	}
}

static void wait_for_work(void)
{
	struct pollfd fds[ENDS] = { { .fd = ends[0], .events = POLLIN }, { .fd = ends[1], .events = POLLIN } };
	struct instant due = instant_earlier(path_deadline(&paths[0]), path_deadline(&paths[1]));
	uint64_t us = instant_since(clock_now(), due);
	us = us < SECOND_US ? us : SECOND_US;
	struct timespec wait = { .tv_sec = (time_t)(us / SECOND_US), .tv_nsec = (long)(us % SECOND_US) * 1000 };
	(void)ppoll(fds, ENDS, &wait, NULL);
}

int main(int argc, char **argv)
{
	struct path_plan plans[ENDS] = { { 0 }, { 0 } };
	struct sigaction act = { .sa_handler = on_signal };
	if (argc < 4) {
		fprintf(stderr, "usage: wirebox LEFT RIGHT SEED [[there.|back.]KEY=N]...\n");
		return EXIT_FAILURE;
	}
	for (int i = 4; i < argc; i++)
		argument_take(plans, argv[i]);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* frames are due to the microsecond */
	for (unsigned i = 0; i < ENDS; i++) {
		ends[i] = end_open(argv[1 + i]);
		path_init(&paths[i], &plans[i], strtoull(argv[3], NULL, 10) + i);
	}
	while (!stop) {
		for (unsigned i = 0; i < ENDS; i++)
			frames_take(i);
		for (unsigned i = 0; i < ENDS; i++)
			frames_give(i);
		wait_for_work();
	}
	printf("wirebox: there %llu %llu back %llu %llu\n", (unsigned long long)paths[0].carried,
	       (unsigned long long)paths[0].lost, (unsigned long long)paths[1].carried,
	       (unsigned long long)paths[1].lost);
	for (unsigned i = 0; i < ENDS; i++) {
		path_free(&paths[i]);
		close(ends[i]);
	}
	return EXIT_SUCCESS;
}
