/*
 * syn.c - see syn.h. One SYN is 40 bytes: IPv4 (RFC 791) and TCP (RFC 9293 3.1) without options; the kernel
 * fills in the IP checksum.
 */
#include "bench/tool/syn.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"

#define IP_BYTES 20u
#define TCP_BYTES 20u
#define PORT_LEAST 1024u
#define BURSTS_PER_SECOND 1000u
#define SOURCE_FIRST 0xc6128000u /* 198.18.128.0 */
#define SOURCES 32768u

static struct {
	int fd;
	struct endpoint target;
	uint32_t per_second;
	pthread_t thread;
	bool running, stop;
	uint64_t sent;
} flood = { .fd = -1 };

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

static uint32_t sum16(const uint8_t *from, size_t bytes)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)from[i] << 8 | from[i + 1];
	return sum;
}

static void make(uint8_t frame[IP_BYTES + TCP_BYTES], struct prng *p)
{
	uint8_t *tcp = frame + IP_BYTES;
	memset(frame, 0, IP_BYTES + TCP_BYTES);
	frame[0] = 0x45;
	put16(frame + 2, IP_BYTES + TCP_BYTES);
	frame[8] = 64;
	frame[9] = IPPROTO_TCP;
	put32(frame + 12, SOURCE_FIRST + (uint32_t)prng_below(p, SOURCES));
	memcpy(frame + 16, flood.target.addr.bytes, 4);
	put16(tcp, PORT_LEAST + (uint32_t)prng_below(p, 65536 - PORT_LEAST));
	put16(tcp + 2, flood.target.port);
	put32(tcp + 4, (uint32_t)prng_u64(p));
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = 0x02; /* SYN */
	put16(tcp + 14, 65535);
	uint32_t sum = sum16(tcp, TCP_BYTES) + sum16(frame + 12, 8) + IPPROTO_TCP + TCP_BYTES;
	sum = (sum & 0xffff) + (sum >> 16);
	put16(tcp + 16, ~(sum + (sum >> 16)) & 0xffff);
}

static void burst(struct prng *p, uint32_t count)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t frame[IP_BYTES + TCP_BYTES];
	memcpy(&to.sin_addr, flood.target.addr.bytes, 4);
	for (uint32_t i = 0; i < count; i++) {
		make(frame, p);
		if (sendto(flood.fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) > 0)
			__atomic_fetch_add(&flood.sent, 1, __ATOMIC_RELAXED);
	}
}

static void *loop(void *argument)
{
	const struct timespec step = { .tv_nsec = 1000000000 / BURSTS_PER_SECOND };
	struct prng p;
	uint64_t due = 0;
	(void)argument;
	prng_seed(&p, 0x73796e);
	for (uint64_t turn = 1; !__atomic_load_n(&flood.stop, __ATOMIC_ACQUIRE); turn++) {
		uint64_t now = turn * flood.per_second / BURSTS_PER_SECOND;
		burst(&p, (uint32_t)(now - due));
		due = now;
		nanosleep(&step, NULL);
	}
	return NULL;
}

bool syn_begin(struct endpoint target, uint32_t per_second, char *error, size_t error_bytes)
{
	if (target.addr.family != IP_V4) {
		snprintf(error, error_bytes, "crowd.kind = \"syn\" is for IPv4 targets");
		return false;
	}
	flood.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (flood.fd < 0) {
		snprintf(error, error_bytes, "crowd.kind = \"syn\" needs a raw socket: %s", strerror(errno));
		return false;
	}
	flood.target = target;
	flood.per_second = per_second;
	flood.running = pthread_create(&flood.thread, NULL, loop, NULL) == 0;
	if (!flood.running)
		snprintf(error, error_bytes, "no thread for the SYNs");
	return flood.running;
}

uint64_t syn_sent(void)
{
	return __atomic_load_n(&flood.sent, __ATOMIC_RELAXED);
}

void syn_end(void)
{
	if (flood.running) {
		__atomic_store_n(&flood.stop, true, __ATOMIC_RELEASE);
		pthread_join(flood.thread, NULL);
		flood.running = false;
	}
	if (flood.fd >= 0)
		close(flood.fd);
	flood.fd = -1;
}
