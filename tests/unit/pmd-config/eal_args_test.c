/*
 * eal_args_test.c - what DPDK is started with, from what the operator wrote.
 */
#include "pmd-config/eal_args.h"

#include <string.h>

#include "pmd-config/profile.h"
#include "tests/unit/unit.h"

static const uint16_t four_cpus[] = { 0, 1, 2, 3 };
static struct eal_args args;
static char said[512], line[EAL_ARGS_BYTES];

static struct eal_want want_of(const char *lcores, const char *device)
{
	return (struct eal_want){ .program = "weir",
				  .file_prefix = "weir-77",
				  .lcores = lcores,
				  .cpu_count = 4,
				  .cpus = four_cpus,
				  .port_count = 1,
				  .words = "",
				  .ports = { { .name = "p", .device = device, .mtu = 1500 } } };
}

static bool make(const struct eal_want *want)
{
	struct text why = text_of(said, sizeof(said)), all = text_of(line, sizeof(line));
	if (!eal_args_make(want, &args, &why))
		return false;
	CU_ASSERT_PTR_NULL(args.argv[args.count]);
	for (uint32_t i = 0; i < args.count; i++) {
		text_str(&all, i == 0 ? "" : " ");
		text_str(&all, args.argv[i]);
	}
	return true;
}

static bool made(const char *lcores, const char *device, const char *expected)
{
	struct eal_want want = want_of(lcores, device);
	return make(&want) && strcmp(line, expected) == 0;
}

static bool refused(const char *lcores, const char *device, const char *reason)
{
	struct eal_want want = want_of(lcores, device);
	return !make(&want) && strcmp(said, reason) == 0;
}

static void an_exception_path_is_a_tap_beside_its_port(void)
{
	struct eal_want want = want_of("1", "0000:01:00.0");
	char name[32];
	struct text t = text_of(name, sizeof(name));
	want.ports[0].exception = "kern0";
	CU_ASSERT_TRUE_FATAL(make(&want));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, " --allow=0000:01:00.0 --vdev=net_tap_exception0,iface=kern0"));
	eal_exception_device(0, &t);
	CU_ASSERT_PTR_NOT_NULL(strstr(line, name));
}

static void memory_is_shared_only_where_others_may_attach(void)
{
	struct eal_want want = want_of("1", "net_tap0");
	CU_ASSERT_TRUE_FATAL(make(&want));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, " --in-memory "));
	want.secondary = true;
	CU_ASSERT_TRUE_FATAL(make(&want));
	CU_ASSERT_PTR_NULL(strstr(line, "--in-memory"));
	CU_ASSERT_PTR_NULL(strstr(line, "--no-shconf"));
	want.words = "-m 64 --no-huge";
	CU_ASSERT_FALSE(make(&want));
	CU_ASSERT_STRING_EQUAL(said, "dpdk.secondary: needs hugepages; take this out of dpdk.eal: --no-huge");
}

static void virtual_devices_are_made_and_the_bus_left_alone(void)
{
	CU_ASSERT_TRUE(made(
		"1", "net_af_packet0,iface=weir0",
		"weir --lcores=0@0,1@1 --main-lcore=0 --in-memory --file-prefix=weir-77 --no-pci "
		"--vdev=net_af_packet0,iface=weir0"));
	CU_ASSERT_TRUE(made(
		"0", "net_memif0,role=client,socket=/run/m",
		"weir --lcores=1@1,0@0 --main-lcore=1 --in-memory --file-prefix=weir-77 --no-pci "
		"--vdev=net_memif0,role=client,socket=/run/m"));
}

static void pci_devices_are_allowed_one_by_one(void)
{
	CU_ASSERT_TRUE(
		made("1-2", "0000:01:00.0",
		     "weir --lcores=0@0,1@1,2@2 --main-lcore=0 --in-memory --file-prefix=weir-77 "
		     "--allow=0000:01:00.0"));
	struct eal_want want = want_of("1", "01:00.1,foo=1");
	want.port_count = 2;
	want.ports[1] = (struct plan_port_want){ .name = "q", .device = "net_tap0", .mtu = 1500 };
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "--allow=01:00.1,foo=1 --vdev=net_tap0"));
	CU_ASSERT_PTR_NULL(strstr(line, "--no-pci"));
}

static void queues_are_told_to_devices_that_need_telling(void)
{
	CU_ASSERT_TRUE(made("1,2", "net_af_packet0,iface=e",
			    "weir --lcores=0@0,1@1,2@2 --main-lcore=0 --in-memory "
			    "--file-prefix=weir-77 --no-pci "
			    "--vdev=net_af_packet0,iface=e,qpairs=2"));
	CU_ASSERT_TRUE(made(
		"1", "net_af_packet0,iface=e,qpairs=1",
		"weir --lcores=0@0,1@1 --main-lcore=0 --in-memory --file-prefix=weir-77 --no-pci "
		"--vdev=net_af_packet0,iface=e,qpairs=1"));
	CU_ASSERT_TRUE(refused("1,2", "net_af_packet0,iface=e,qpairs=4",
			       "ports[0].device: has another number of queues than there are "
			       "workers (leave it out): "
			       "net_af_packet0,iface=e,qpairs=4"));
	struct eal_want want = want_of("1,2", "net_af_xdp0,iface=e");
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_PTR_NOT_NULL(strstr(line, "--vdev=net_af_xdp0,iface=e,queue_count=2"));
	want = want_of("1,2", "net_memif0");
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_STRING_EQUAL(args.argv[args.count - 1], "--vdev=net_memif0");
}

static void jumbo_frames_enlarge_af_packets_slots(void)
{
	struct eal_want want = want_of("1", "net_af_packet0,iface=e");
	want.ports[0].mtu = 9000;
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_STRING_EQUAL(args.argv[args.count - 1],
			       "--vdev=net_af_packet0,iface=e,framesz=16384,blocksz=16384");
	want.ports[0].device = "net_af_packet0,iface=e,framesz=10240";
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_STRING_EQUAL(args.argv[args.count - 1],
			       "--vdev=net_af_packet0,iface=e,framesz=10240");
}

static void control_shares_a_core_only_when_it_must(void)
{
	struct eal_want want = want_of("0-3", "net_memif0");
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_EQUAL(args.main_lcore, 4);
	CU_ASSERT_STRING_EQUAL(args.argv[1], "--lcores=4@0,0@0,1@1,2@2,3@3");
	want = want_of("0,2", "net_memif0");
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_EQUAL(args.main_lcore, 1);
	CU_ASSERT_TRUE(
		refused("4", "net_memif0",
			"workers.lcores: this process may not run on core 4 (cores: 0 1 2 3)"));
}

static void the_operators_words_come_last(void)
{
	struct eal_want want = want_of("1", "net_memif0");
	want.words = "  --no-huge  -m 512 --log-level=lib.eal:debug ";
	CU_ASSERT_TRUE(make(&want));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(line, "--vdev=net_memif0 --no-huge -m 512 --log-level=lib.eal:debug"));
	CU_ASSERT_PTR_NULL(strstr(line, "--in-memory")); /* DPDK does not take both */
	CU_ASSERT_PTR_NOT_NULL(strstr(line, " --no-shconf "));
	want.words = "--no-huge --lcores=3";
	CU_ASSERT_FALSE(make(&want));
	CU_ASSERT_STRING_EQUAL(said,
			       "dpdk.eal: is made from other settings, leave it out: --lcores=3");
	char many[600];
	memset(many, ' ', sizeof(many));
	for (size_t i = 0; i < sizeof(many); i += 2)
		many[i] = 'x';
	many[sizeof(many) - 1] = '\0';
	want.words = many;
	CU_ASSERT_FALSE(make(&want));
	CU_ASSERT_STRING_EQUAL(said, "dpdk.eal: too many or too long arguments for DPDK");
	static char longest[EAL_ARGS_BYTES + 8];
	memset(longest, 'x', sizeof(longest) - 1);
	want.words = longest;
	CU_ASSERT_FALSE(make(&want));
}

static void devices_are_told_apart(void)
{
	struct span value;
	CU_ASSERT_TRUE(device_is_pci(SPAN("0000:3b:00.1")));
	CU_ASSERT_TRUE(device_is_pci(SPAN("3b:00.1,x=y")));
	CU_ASSERT_FALSE(device_is_pci(SPAN("net_tap0")));
	CU_ASSERT_FALSE(device_is_pci(SPAN("0000:3b:00:1")));
	CU_ASSERT_TRUE(device_argument(SPAN("net_x,a=1,bc=2"), SPAN("bc"), &value));
	CU_ASSERT_TRUE(span_equal(value, SPAN("2")));
	CU_ASSERT_FALSE(device_argument(SPAN("net_x,a=1,bc=2"), SPAN("c"), &value));
	CU_ASSERT_FALSE(device_argument(SPAN("net_x"), SPAN("net_x"), &value));
	CU_ASSERT_TRUE(
		refused("1", "eth0",
			"ports[0].device: is neither a PCI address nor a virtual device that we "
			"know: eth0 (as 0000:01:00.0, net_af_packet0,iface=eth1, net_memif0, "
			"net_af_xdp0,iface=eth1 or net_tap0)"));
	CU_ASSERT_TRUE(profile_find(SPAN("net_virtio_user0"))->vdev);
	CU_ASSERT_FALSE(profile_find(SPAN("net_virtio"))->vdev);
	CU_ASSERT_FALSE(profile_find(SPAN("quite unknown"))->vdev);
}

UNIT("pmd-config/eal_args",
     { "memory is shared only where others may attach", memory_is_shared_only_where_others_may_attach },
     { "an exception path is a tap beside its port", an_exception_path_is_a_tap_beside_its_port },
     { "virtual devices are made and the PCI bus left alone",
       virtual_devices_are_made_and_the_bus_left_alone },
     { "PCI devices are allowed one by one", pci_devices_are_allowed_one_by_one },
     { "queues are told to devices that need telling",
       queues_are_told_to_devices_that_need_telling },
     { "jumbo frames enlarge af_packet's slots", jumbo_frames_enlarge_af_packets_slots },
     { "control shares a core only when it must", control_shares_a_core_only_when_it_must },
     { "the operator's words come last, and may not repeat ours", the_operators_words_come_last },
     { "device texts are told apart", devices_are_told_apart })
