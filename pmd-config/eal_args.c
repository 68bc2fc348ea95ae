/*
 * eal_args.c - EAL arguments from settings. See eal_args.h.
 *
 * Cores: each worker's lcore has its own number and its own CPU. Control (the main lcore) gets the
 * first CPU that no worker uses; where workers use all of them it shares the first worker's, which
 * slows that worker but runs.
 *
 * Memory: --in-memory, so that nothing is left under /dev/hugepages or in the runtime folder by a
 * crash, and no second process can attach. Telemetry works with it: the socket lies in the runtime
 * folder, named by --file-prefix. With the operator's --no-huge DPDK 24.11 refuses --in-memory;
 * --no-shconf then keeps the runtime folder as clean. Where secondary processes may attach, neither is
 * given: memory and configuration then are files, which a crash leaves to the next start to remove.
 *
 * Devices: PCI addresses are allowed one by one (-a), all else is made by --vdev; without a PCI
 * port the bus is not scanned at all. A virtual device that needs to be told its number of queues
 * is told the number of workers.
 */
#include "pmd-config/eal_args.h"

#include "pmd-config/profile.h"

#define AF_PACKET_FRAME_MTU 1900u /* what the driver's frames of 2048 bytes surely hold */
#define AF_PACKET_HEADER_BYTES                                             \
	128u /* the kernel's header in front of each frame, and Ethernet's \
	      */
#define PAGE_BYTES_PLAN 4096u

static struct span span_str(const char *s)
{
	size_t bytes = 0;
	while (s[bytes] != '\0')
		bytes++;
	return span_of(s, bytes);
}

static bool refuse(struct text *why, const char *setting, const char *reason, struct span what)
{
	text_str(why, setting);
	text_str(why, ": ");
	text_str(why, reason);
	text_span(why, what);
	return false;
}

/* The same, of the device of one port. */
static bool refuse_device(struct text *why, uint32_t index, const char *reason, struct span what)
{
	text_str(why, "ports[");
	text_u64(why, index);
	return refuse(why, "].device", reason, what);
}

/* The next argument is written through the text that argument_begin() returns, and taken by
 * argument_end(). */
static struct text argument_begin(struct eal_args *args)
{
	size_t left = sizeof(args->bytes) - args->used;
	return text_of(args->bytes + args->used, left > 0 ? left : 1);
}

static bool argument_end(struct eal_args *args, const struct text *t, struct text *why)
{
	if (t->cut || args->count == EAL_ARGS_MAX ||
	    args->used + t->used + 1 >= sizeof(args->bytes))
		return refuse(why, "dpdk.eal", "too many or too long arguments for DPDK",
			      SPAN_NONE);
	args->argv[args->count++] = t->begin;
	args->argv[args->count] = NULL;
	args->used += t->used + 1;
	return true;
}

static bool argument_add(struct eal_args *args, const char *first, struct span second,
			 struct text *why)
{
	struct text t = argument_begin(args);
	text_str(&t, first);
	text_span(&t, second);
	return argument_end(args, &t, why);
}

/* ---- cores ---- */

static bool holds(const uint16_t *numbers, uint32_t count, uint16_t number)
{
	for (uint32_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static bool cpus_check(const struct eal_want *want, const uint16_t *lcores, uint32_t count,
		       struct text *why)
{
	for (uint32_t i = 0; i < count; i++) {
		if (holds(want->cpus, want->cpu_count, lcores[i]))
			continue;
		(void)refuse(why, "workers.lcores", "this process may not run on core ", SPAN_NONE);
		text_u64(why, lcores[i]);
		text_str(why, want->cpu_count == 0 ? "" : " (cores:");
		for (uint32_t c = 0; c < want->cpu_count; c++) {
			text_char(why, ' ');
			text_u64(why, want->cpus[c]);
		}
		text_str(why, want->cpu_count == 0 ? "" : ")");
		return false;
	}
	return true;
}

/* Where control runs: lcore number and CPU. */
static void control_choose(const struct eal_want *want, const uint16_t *lcores, uint32_t count,
			   uint16_t *lcore, uint16_t *cpu)
{
	for (uint32_t i = 0; i < want->cpu_count; i++) {
		if (!holds(lcores, count, want->cpus[i])) {
			*lcore = *cpu = want->cpus[i];
			return;
		}
	}
	*cpu = lcores[0];
	*lcore = 0;
	while (holds(lcores, count, *lcore))
		(*lcore)++;
}

static void text_lcore(struct text *t, uint16_t lcore, uint16_t cpu)
{
	text_u64(t, lcore);
	text_char(t, '@');
	text_u64(t, cpu);
}

static bool cores_add(const struct eal_want *want, struct eal_args *args, uint32_t *workers,
		      struct text *why)
{
	uint16_t lcores[PLAN_LCORES_MAX], cpu;
	if (!plan_lcores_parse(span_str(want->lcores), lcores, workers))
		return refuse(why, "workers.lcores",
			      "not a list of cores: ", span_str(want->lcores));
	if (!cpus_check(want, lcores, *workers, why))
		return false;
	control_choose(want, lcores, *workers, &args->main_lcore, &cpu);
	struct text t = argument_begin(args);
	text_str(&t, "--lcores=");
	text_lcore(&t, args->main_lcore, cpu);
	for (uint32_t i = 0; i < *workers; i++) {
		text_char(&t, ',');
		text_lcore(&t, lcores[i], lcores[i]);
	}
	if (!argument_end(args, &t, why))
		return false;
	t = argument_begin(args);
	text_str(&t, "--main-lcore=");
	text_u64(&t, args->main_lcore);
	return argument_end(args, &t, why);
}

/* ---- devices ---- */

/* What the driver must be told of the number of queues; refused when the operator told it another
 * one. */
static bool vdev_queues(struct text *t, uint32_t index, struct span device, uint32_t workers,
			struct text *why)
{
	struct span argument = span_str(profile_find(device)->queue_argument), value;
	uint64_t number;
	if (argument.bytes == 0)
		return true;
	if (device_argument(device, argument, &value)) {
		if (span_to_u64(value, &number) && number == workers)
			return true;
		return refuse_device(
			why, index,
			"has another number of queues than there are workers (leave it out): ",
			device);
	}
	if (workers > 1) {
		text_char(t, ',');
		text_span(t, argument);
		text_char(t, '=');
		text_u64(t, workers);
	}
	return true;
}

/* af_packet exchanges frames with the kernel in slots, which jumbo frames do not fit unless they
 * are enlarged. */
static void vdev_frames(struct text *t, struct span device, uint16_t mtu)
{
	struct span value, driver = SPAN("net_af_packet");
	if (!span_equal(span_head(device, driver.bytes), driver) || mtu <= AF_PACKET_FRAME_MTU ||
	    device_argument(device, SPAN("framesz"), &value))
		return;
	uint32_t bytes = PAGE_BYTES_PLAN;
	while (bytes < mtu + AF_PACKET_HEADER_BYTES)
		bytes *= 2;
	text_str(t, ",framesz=");
	text_u64(t, bytes);
	text_str(t, ",blocksz=");
	text_u64(t, bytes);
}

/* The device of the port's exception path, by the number of the port. */
void eal_exception_device(uint32_t index, struct text *t)
{
	text_str(t, "net_tap_exception");
	text_u64(t, index);
}

static bool exception_add(const struct plan_port_want *port, uint32_t index, struct eal_args *args,
			  struct text *why)
{
	if (port->exception == NULL)
		return true;
	struct text t = argument_begin(args);
	text_str(&t, "--vdev=");
	eal_exception_device(index, &t);
	text_str(&t, ",iface=");
	text_str(&t, port->exception);
	return argument_end(args, &t, why);
}

static bool port_add(const struct plan_port_want *port, uint32_t index, uint32_t workers,
		     struct eal_args *args, struct text *why)
{
	struct span device = span_str(port->device);
	if (device_is_pci(device))
		return argument_add(args, "--allow=", device, why);
	if (!profile_find(device)->vdev) {
		(void)refuse_device(
			why, index,
			"is neither a PCI address nor a virtual device that we know: ", device);
		text_str(why, " (as 0000:01:00.0, net_af_packet0,iface=eth1, net_memif0, "
			      "net_af_xdp0,iface=eth1 or net_tap0)");
		return false;
	}
	struct text t = argument_begin(args);
	text_str(&t, "--vdev=");
	text_span(&t, device);
	if (!vdev_queues(&t, index, device, workers, why))
		return false;
	vdev_frames(&t, device, port->mtu);
	return argument_end(args, &t, why);
}

static bool ports_add(const struct eal_want *want, uint32_t workers, struct eal_args *args,
		      struct text *why)
{
	bool pci = false;
	for (uint32_t i = 0; i < want->port_count; i++)
		pci = pci || device_is_pci(span_str(want->ports[i].device));
	if (!pci && !argument_add(args, "--no-pci", SPAN_NONE, why))
		return false;
	for (uint32_t i = 0; i < want->port_count; i++)
		if (!port_add(&want->ports[i], i, workers, args, why) ||
		    !exception_add(&want->ports[i], i, args, why))
			return false;
	return true;
}

/* ---- the operator's words ---- */

static bool word_is_ours(struct span word)
{
	static const char *const ours[] = {
		"--lcores", "--main-lcore", "--in-memory", "--no-shconf", "--file-prefix",
		"--vdev",   "--allow",      "--no-pci",    "-l",          "-c",
		"-a",       "--proc-type"
	};
	struct span name = span_head(word, span_find(word, '='));
	for (size_t i = 0; i < COUNT_OF(ours); i++)
		if (span_equal(name, span_str(ours[i])))
			return true;
	return false;
}

static bool words_hold(struct span words, struct span wanted)
{
	for (;;) {
		words = span_trim(words);
		if (words.bytes == 0)
			return false;
		struct span word = span_head(words, span_find(words, ' '));
		words = span_after(words, word.bytes);
		if (span_equal(word, wanted))
			return true;
	}
}

static bool words_add(struct span words, struct eal_args *args, struct text *why)
{
	for (;;) {
		words = span_trim(words);
		if (words.bytes == 0)
			return true;
		struct span word = span_head(words, span_find(words, ' '));
		words = span_after(words, word.bytes);
		if (word_is_ours(word))
			return refuse(why, "dpdk.eal",
				      "is made from other settings, leave it out: ", word);
		if (!argument_add(args, "", word, why))
			return false;
	}
}

bool eal_args_port_check(const struct plan_port_want *port, uint32_t index, uint32_t workers,
			 struct text *why)
{
	struct eal_args args = { .count = 0 };
	return port_add(port, index, workers, &args, why);
}

/* What others can attach to, or what nobody can. */
static bool memory_add(const struct eal_want *want, struct eal_args *args, struct text *why)
{
	bool plain_pages = words_hold(span_str(want->words), SPAN("--no-huge"));
	if (want->secondary && plain_pages)
		return refuse(why, "dpdk.secondary",
			      "needs hugepages; take this out of dpdk.eal: ", SPAN("--no-huge"));
	if (want->secondary)
		return true;
	return argument_add(args, plain_pages ? "--no-shconf" : "--in-memory", SPAN_NONE, why);
}

bool eal_args_make(const struct eal_want *want, struct eal_args *args, struct text *why)
{
	struct span words = span_str(want->words);
	uint32_t workers = 0;
	args->count = 0;
	args->used = 0;
	return argument_add(args, want->program, SPAN_NONE, why) &&
	       cores_add(want, args, &workers, why) && memory_add(want, args, why) &&
	       argument_add(args, "--file-prefix=", span_str(want->file_prefix), why) &&
	       ports_add(want, workers, args, why) && words_add(words, args, why);
}
