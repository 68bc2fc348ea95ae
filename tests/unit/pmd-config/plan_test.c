/*
 * plan_test.c - wants and recorded inventories of ports -> plans and refusals.
 *
 * The inventories of virtual and emulated devices were recorded; those of other NICs have the shape that their drivers
 * give (queues, rings, table and key sizes, offloads): the machine that the tests were written on
 * has none of them.
 */
#include "pmd-config/plan.h"

#include <string.h>

#include "tests/unit/unit.h"

#define CHECKSUMS (PLAN_RX_CHECKSUM | PLAN_TX_CHECKSUM_TCP | PLAN_TX_CHECKSUM_IP4)
#define NIC       (CHECKSUMS | PLAN_RSS_TCP | PLAN_TX_MULTI_SEGS | PLAN_TX_TSO)

/* As DPDK 24.11 reported them. */
static const struct plan_inventory_port memif = { .device = "net_memif0",
						  .driver = "net_memif",
						  .rx_queues_max = 255,
						  .tx_queues_max = 255,
						  .rx_desc_max = 65535,
						  .tx_desc_max = 65535,
						  .mtu_max = 65535,
						  .offloads = PLAN_TX_MULTI_SEGS,
						  .numa = -1 };
static const struct plan_inventory_port af_packet = { .device = "net_af_packet0,iface=e",
						      .driver = "net_af_packet",
						      .rx_queues_max = 1,
						      .tx_queues_max = 1,
						      .rx_desc_max = 65535,
						      .tx_desc_max = 65535,
						      .mtu_max = 65535,
						      .offloads = PLAN_TX_MULTI_SEGS,
						      .numa = -1 };
static const struct plan_inventory_port af_xdp = { .device = "net_af_xdp0,iface=e",
						   .driver = "net_af_xdp",
						   .rx_queues_max = 1,
						   .tx_queues_max = 1,
						   .rx_desc_max = 65535,
						   .tx_desc_max = 65535,
						   .mtu_max = 3542,
						   .numa = -1 };
static const struct plan_inventory_port tap = { .device = "net_tap0",
						.driver = "net_tap",
						.rx_queues_max = 64,
						.tx_queues_max = 64,
						.rx_desc_max = 65535,
						.tx_desc_max = 65535,
						.mtu_max = 65535,
						.rss_key_bytes = 40,
						.offloads = CHECKSUMS | PLAN_TX_MULTI_SEGS |
							    PLAN_TX_TSO,
						.numa = -1 };
/* In the shape of their drivers' documentation. */
static const struct plan_inventory_port ixgbe = { .device = "0000:01:00.0",
						  .driver = "net_ixgbe",
						  .rx_queues_max = 128,
						  .tx_queues_max = 64,
						  .rx_desc_min = 32,
						  .rx_desc_max = 4096,
						  .tx_desc_min = 32,
						  .tx_desc_max = 4096,
						  .mtu_max = 15854,
						  .reta_size = 128,
						  .rss_key_bytes = 40,
						  .offloads = NIC,
						  .numa = 0 };
static const struct plan_inventory_port i40e = { .device = "0000:02:00.0",
						 .driver = "net_i40e",
						 .rx_queues_max = 320,
						 .tx_queues_max = 320,
						 .rx_desc_min = 64,
						 .rx_desc_max = 8160,
						 .tx_desc_min = 64,
						 .tx_desc_max = 8160,
						 .mtu_max = 9710,
						 .reta_size = 512,
						 .rss_key_bytes = 52,
						 .offloads = NIC | PLAN_TX_FAST_FREE,
						 .numa = 0 };
static const struct plan_inventory_port ice = { .device = "0000:03:00.0",
						.driver = "net_ice",
						.rx_queues_max = 256,
						.tx_queues_max = 256,
						.rx_desc_min = 64,
						.rx_desc_max = 8160,
						.tx_desc_min = 64,
						.tx_desc_max = 8160,
						.mtu_max = 9702,
						.reta_size = 2048,
						.rss_key_bytes = 52,
						.offloads = NIC | PLAN_TX_FAST_FREE,
						.numa = 1 };
static const struct plan_inventory_port mlx5 = { .device = "0000:04:00.0",
						 .driver = "mlx5_pci",
						 .rx_queues_max = 1024,
						 .tx_queues_max = 1024,
						 .rx_desc_max = 65535,
						 .tx_desc_max = 65535,
						 .mtu_max = 9978,
						 .reta_size = 256,
						 .rss_key_bytes = 40,
						 .offloads = NIC | PLAN_TX_FAST_FREE,
						 .numa = 0 };
static const struct plan_inventory_port ena = { .device = "0000:00:06.0",
						.driver = "net_ena",
						.rx_queues_max = 32,
						.tx_queues_max = 32,
						.rx_desc_min = 128,
						.rx_desc_max = 8192,
						.tx_desc_min = 128,
						.tx_desc_max = 1024,
						.mtu_max = 9216,
						.reta_size = 128,
						.rss_key_bytes = 0,
						.offloads = CHECKSUMS,
						.numa = 0 };

/* As DPDK 24.11 reported those that QEMU 10 emulates (virtio with four queues). */
static const struct plan_inventory_port igb = { .device = "0000:05:00.0",
						.driver = "net_e1000_igb",
						.rx_queues_max = 16,
						.tx_queues_max = 16,
						.rx_desc_min = 32,
						.rx_desc_max = 4096,
						.tx_desc_min = 32,
						.tx_desc_max = 4096,
						.mtu_max = 16361,
						.reta_size = 128,
						.rss_key_bytes = 40,
						.offloads = NIC,
						.numa = -1 };
static const struct plan_inventory_port vmxnet3 = { .device = "0000:00:04.0",
						    .driver = "net_vmxnet3",
						    .rx_queues_max = 16,
						    .tx_queues_max = 8,
						    .rx_desc_min = 128,
						    .rx_desc_max = 4096,
						    .tx_desc_min = 512,
						    .tx_desc_max = 4096,
						    .mtu_max = 9000,
						    .offloads = PLAN_TX_CHECKSUM_TCP | PLAN_TX_MULTI_SEGS |
								PLAN_TX_TSO | PLAN_RX_LRO,
						    .numa = -1 };
static const struct plan_inventory_port virtio = { .device = "0000:00:03.0",
						   .driver = "net_virtio",
						   .rx_queues_max = 4,
						   .tx_queues_max = 4,
						   .rx_desc_min = 32,
						   .rx_desc_max = 32768,
						   .tx_desc_min = 32,
						   .tx_desc_max = 32768,
						   .mtu_max = 9698,
						   .offloads = PLAN_TX_CHECKSUM_TCP | PLAN_TX_MULTI_SEGS |
							       PLAN_TX_TSO | PLAN_RX_LRO,
						   .numa = -1 };

static char said[512];
static struct text why;

static struct plan_want want_of(const char *lcores)
{
	why = text_of(said, sizeof(said));
	return (struct plan_want){ .lcores = lcores,
				   .port_count = 1,
				   .connections_max = 10000,
				   .window_bytes_max = 262144,
				   .ports = { { .name = "wire0", .mtu = 1500 } } };
}

static bool planned(const char *lcores, const struct plan_inventory_port *have, struct plan *plan)
{
	struct plan_want want = want_of(lcores);
	want.ports[0].device = have->device;
	return plan_make(&want, have, plan, &why);
}

static void core_lists_are_read(void)
{
	uint16_t lcores[PLAN_LCORES_MAX];
	uint32_t count;
	CU_ASSERT_TRUE(plan_lcores_parse(SPAN("1-3,5"), lcores, &count));
	CU_ASSERT_EQUAL(count, 4);
	CU_ASSERT_EQUAL(lcores[3], 5);
	CU_ASSERT_TRUE(plan_lcores_parse(SPAN(" 7 , 1"), lcores, &count));
	CU_ASSERT_EQUAL(lcores[0], 7);
	CU_ASSERT_TRUE(plan_lcores_parse(SPAN("0-63"), lcores, &count));
	static const char *const wrong[] = {
		"",    ",",     "1,",   "a",     "1-",   "-1",  "3-1",
		"1,1", "1-3,2", "0-64", "1-2-3", "2000", "1 2", "99999999999999999999"
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		CU_ASSERT_FALSE(
			plan_lcores_parse(span_of(wrong[i], strlen(wrong[i])), lcores, &count));
}

static void frames_of_the_kernel_are_not_freed_in_bulk(void)
{
	struct plan plan;
	struct plan_want want = want_of("1");
	struct plan_inventory_port i40e_whole = i40e; /* that does not cut frames either */
	i40e_whole.offloads &= ~(uint32_t)PLAN_TX_TSO;
	CU_ASSERT_TRUE(plan_make(&want, &i40e_whole, &plan, &why));
	CU_ASSERT_TRUE(plan.ports[0].offloads & PLAN_TX_FAST_FREE);
	want.ports[0].exception = "kern0"; /* they are of another pool */
	CU_ASSERT_TRUE(plan_make(&want, &i40e_whole, &plan, &why));
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_TX_FAST_FREE);
	CU_ASSERT_EQUAL(plan.ports[0].offloads & CHECKSUMS, CHECKSUMS);
}

static void large_frames_are_cut_by_devices_that_have_all_it_takes(void)
{
	struct plan plan;
	struct plan_inventory_port sums = ixgbe, virtual = tap;
	CU_ASSERT_TRUE(planned("1", &ixgbe, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].offloads & (PLAN_TX_TSO | PLAN_TX_MULTI_SEGS), PLAN_TX_TSO | PLAN_TX_MULTI_SEGS);
	CU_ASSERT_EQUAL(plan.ports[0].offloads & PLAN_TX_FAST_FREE, 0); /* chains are not freed in bulk */
	sums.offloads &= ~(uint32_t)PLAN_TX_CHECKSUM_IP4;
	CU_ASSERT_TRUE(planned("1", &sums, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].offloads & PLAN_TX_TSO, 0);
	CU_ASSERT_TRUE(planned("1", &vmxnet3, &plan)); /* nor have these what headers of IPv4 need */
	CU_ASSERT_EQUAL(plan.ports[0].offloads, PLAN_TX_CHECKSUM_TCP);
	virtual.offloads |= NIC;
	CU_ASSERT_TRUE(planned("1", &virtual, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].offloads & PLAN_TX_TSO, 0);
}

static void segments_are_joined_where_nobody_else_sees_them(void)
{
	struct plan plan;
	struct plan_want want = want_of("1");
	struct plan_inventory_port virtual = tap;
	CU_ASSERT_TRUE(plan_make(&want, &virtio, &plan, &why));
	CU_ASSERT_TRUE(plan.ports[0].offloads & PLAN_RX_LRO);
	uint32_t mbufs = plan.ports[0].mbufs;
	want.ports[0].large_receive_off = true;
	CU_ASSERT_TRUE(plan_make(&want, &virtio, &plan, &why));
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_LRO);
	CU_ASSERT(plan.ports[0].mbufs <= mbufs); /* a burst of 64 KiB each takes many */
	want.ports[0].large_receive_off = false;
	want.ports[0].exception = "kern0"; /* the kernel wants them as they were on the cable */
	CU_ASSERT_TRUE(plan_make(&want, &virtio, &plan, &why));
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_LRO);
	want.ports[0].exception = NULL;
	virtual.offloads |= PLAN_RX_LRO; /* its large frames are the kernel's that were never cut */
	CU_ASSERT_TRUE(plan_make(&want, &virtual, &plan, &why));
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_LRO);
	CU_ASSERT_TRUE(plan_make(&want, &vmxnet3, &plan, &why)); /* it loses them */
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_LRO);
	CU_ASSERT_TRUE(plan_make(&want, &igb, &plan, &why)); /* it has no such thing */
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_LRO);
}

static void only_virtual_machines_have_frames_that_need_no_checksum(void)
{
	struct plan plan;
	CU_ASSERT_TRUE(planned("1", &virtio, &plan));
	CU_ASSERT_TRUE(plan.ports[0].offloads & PLAN_RX_PARTIAL);
	CU_ASSERT_TRUE(plan_offloads(&plan.ports[0], virtio.offloads, true) & PLAN_RX_PARTIAL);
	CU_ASSERT_TRUE(planned("1", &ixgbe, &plan));
	CU_ASSERT_FALSE(plan.ports[0].offloads & PLAN_RX_PARTIAL);
}

static void a_device_that_refuses_to_join_segments_keeps_all_else(void)
{
	const struct plan_port port = { .offloads = PLAN_RX_LRO | PLAN_TX_TSO | PLAN_TX_CHECKSUM_TCP };
	const uint32_t device = port.offloads | PLAN_RX_CHECKSUM | PLAN_RSS_TCP;
	CU_ASSERT_EQUAL(plan_offloads(&port, device, true), port.offloads | PLAN_RX_CHECKSUM); /* it verifies what it joins */
	CU_ASSERT_EQUAL(plan_offloads(&port, device, false), PLAN_TX_TSO | PLAN_TX_CHECKSUM_TCP);
	CU_ASSERT_EQUAL(plan_offloads(&port, PLAN_TX_TSO, true), PLAN_TX_TSO); /* it never had it */
}

static void one_worker_runs_on_anything(void)
{
	static const struct plan_inventory_port *const all[] = { &memif, &af_packet, &af_xdp, &tap,
								 &ixgbe, &i40e,      &ice,    &mlx5,
								 &igb,   &ena,       &virtio, &vmxnet3 };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct plan plan;
		CU_ASSERT_TRUE(planned("3", all[i], &plan));
		CU_ASSERT_EQUAL(plan.worker_count, 1);
		CU_ASSERT_EQUAL(plan.lcores[0], 3);
		CU_ASSERT_EQUAL(plan.ports[0].queues, 1);
		CU_ASSERT_EQUAL(plan.ports[0].steering, PLAN_STEER_SINGLE);
		CU_ASSERT_EQUAL(plan.ports[0].offloads & PLAN_RSS_TCP, 0);
		CU_ASSERT_TRUE(plan.ports[0].mbufs >= (uint32_t)plan.ports[0].rx_descriptors +
							      plan.ports[0].tx_descriptors);
	}
}

static void several_workers_are_steered_as_the_driver_can(void)
{
	struct plan plan;
	static const struct plan_inventory_port *const hashing[] = { &ixgbe, &i40e, &ice, &mlx5,
								     &igb };
	for (size_t i = 0; i < COUNT_OF(hashing); i++) {
		CU_ASSERT_TRUE(planned("1-4", hashing[i], &plan));
		CU_ASSERT_EQUAL(plan.ports[0].steering, PLAN_STEER_RSS);
		CU_ASSERT_EQUAL(plan.ports[0].queues, 4);
		CU_ASSERT_EQUAL(plan.ports[0].offloads & (CHECKSUMS | PLAN_RSS_TCP),
				CHECKSUMS | PLAN_RSS_TCP);
	}
	CU_ASSERT_TRUE(planned("1,2", &memif, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].steering, PLAN_STEER_QUEUE);
	CU_ASSERT_EQUAL(plan.ports[0].offloads, 0);
	CU_ASSERT_TRUE(planned("1,2", &tap, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].steering, PLAN_STEER_QUEUE);
}

static void where_nobody_can_read_the_hash_workers_hand_frames_on(void)
{
	struct plan plan;
	struct plan_inventory_port fanout = af_packet, odd = ixgbe;
	fanout.rx_queues_max = fanout.tx_queues_max = 16;
	odd.reta_size = 100;
	const struct plan_inventory_port *const silent[] = { &ena, &virtio, &vmxnet3, &fanout, &odd };
	for (size_t i = 0; i < COUNT_OF(silent); i++) {
		CU_ASSERT_TRUE(planned("1,2", silent[i], &plan));
		CU_ASSERT_EQUAL(plan.ports[0].steering, PLAN_STEER_HAND);
		CU_ASSERT_EQUAL(plan.ports[0].queues, 2);
		CU_ASSERT_EQUAL(plan.ports[0].offloads & PLAN_RSS_TCP, 0);
	}
}

static void more_workers_than_can_be_fed_are_refused(void)
{
	struct plan plan;
	struct plan_inventory_port xdp = af_packet;
	xdp.driver = "net_af_xdp";
	xdp.rx_queues_max = xdp.tx_queues_max = 16;
	CU_ASSERT_FALSE(planned("1,2", &xdp, &plan));
	CU_ASSERT_STRING_EQUAL(said, "workers.lcores: port wire0: net_af_xdp can feed one worker only: the queue of "
				     "a frame is chosen by the interface below, which this driver cannot set up");
	CU_ASSERT_FALSE(planned("1,2", &af_packet, &plan));
	CU_ASSERT_STRING_EQUAL(
		said,
		"workers.lcores: port wire0: 2 workers need as many queue pairs, the device has 1");
	CU_ASSERT_FALSE(planned("1-20", &igb, &plan));
	CU_ASSERT_STRING_EQUAL(said, "workers.lcores: port wire0: 20 workers need as many queue "
				     "pairs, the device has 16");
}

static void rings_keep_to_what_the_port_takes(void)
{
	struct plan plan;
	CU_ASSERT_TRUE(planned("1", &ena, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].rx_descriptors, 4096);
	CU_ASSERT_EQUAL(plan.ports[0].tx_descriptors, 1024);
	CU_ASSERT_TRUE(planned("1", &virtio, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].rx_descriptors, 1024); /* the device then has fewer */
	CU_ASSERT_TRUE(planned("1", &vmxnet3, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].rx_descriptors, 2048);
	CU_ASSERT_TRUE(planned("1", &af_packet, &plan));
	CU_ASSERT_EQUAL(plan.ports[0].rx_descriptors, 512);
	CU_ASSERT_EQUAL(plan.ports[0].mbufs, 2047);
}

static void large_frames_get_large_buffers_or_a_refusal(void)
{
	struct plan plan;
	struct plan_want want = want_of("1");
	CU_ASSERT_TRUE(plan_make(&want, &i40e, &plan, &why));
	CU_ASSERT_EQUAL(plan.ports[0].mbuf_data_bytes, 2176);
	want.ports[0].mtu = 9000;
	CU_ASSERT_TRUE(plan_make(&want, &i40e, &plan, &why));
	CU_ASSERT_TRUE(plan.ports[0].mbuf_data_bytes >= 9000 + 26 + 128);
	CU_ASSERT_EQUAL(plan.ports[0].mbuf_data_bytes % 64, 0);
	CU_ASSERT_FALSE(plan_make(&want, &af_xdp, &plan, &why));
	CU_ASSERT_STRING_EQUAL(said, "ports[].mtu: port wire0: the device takes at most 3542");
}

static void memory_is_shared_out_or_refused(void)
{
	struct plan plan;
	struct plan_want want = want_of("1-2");
	want.connections_max = 100001;
	CU_ASSERT_TRUE(plan_make(&want, &memif, &plan, &why));
	CU_ASSERT_EQUAL(plan.connections_per_worker, 50001);
	CU_ASSERT_TRUE(plan.blocks_per_worker >= 25000);
	CU_ASSERT_TRUE(plan.worker_bytes > (uint64_t)plan.blocks_per_worker * 4096);
	want.memory_bytes = 1u << 30;
	CU_ASSERT_TRUE(plan_make(&want, &memif, &plan, &why));
	CU_ASSERT_TRUE(plan.worker_bytes <= (1u << 29));
	CU_ASSERT_TRUE(plan.worker_bytes > (1u << 29) - 4096);
	want.memory_bytes = 1u << 26;
	CU_ASSERT_FALSE(plan_make(&want, &memif, &plan, &why));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "limits.memory_bytes: 50001 connections of a worker need "));
}

static void the_same_input_gives_the_same_plan(void)
{
	struct plan a, b;
	memset(&a, 0x55, sizeof(a));
	memset(&b, 0xaa, sizeof(b));
	CU_ASSERT_TRUE(planned("1-2", &i40e, &a));
	CU_ASSERT_TRUE(planned("1-2", &i40e, &b));
	CU_ASSERT_EQUAL(a.worker_bytes, b.worker_bytes);
	CU_ASSERT_EQUAL(memcmp(&a.ports, &b.ports, sizeof(a.ports)), 0);
	struct plan_want want = want_of("x");
	CU_ASSERT_FALSE(plan_make(&want, &memif, &a, &why));
	want = want_of("1");
	want.port_count = 0;
	CU_ASSERT_FALSE(plan_make(&want, &memif, &a, &why));
}

UNIT("pmd-config/plan",
     { "large frames are cut by devices that have all it takes",
       large_frames_are_cut_by_devices_that_have_all_it_takes },
     { "segments are joined by devices that can, where nobody else sees them",
       segments_are_joined_where_nobody_else_sees_them },
     { "only virtual machines have frames that need no checksum",
       only_virtual_machines_have_frames_that_need_no_checksum },
     { "a device that refuses to join segments keeps all else", a_device_that_refuses_to_join_segments_keeps_all_else },
     { "where the kernel's frames leave too, none are freed in bulk",
       frames_of_the_kernel_are_not_freed_in_bulk },
     { "lists of cores are read, wrong ones refused", core_lists_are_read },
     { "one worker runs on any port", one_worker_runs_on_anything },
     { "several workers are steered as the driver can",
       several_workers_are_steered_as_the_driver_can },
     { "where nobody can read the hash workers hand frames on",
       where_nobody_can_read_the_hash_workers_hand_frames_on },
     { "more workers than the port can feed are refused with the reason",
       more_workers_than_can_be_fed_are_refused },
     { "rings keep to what the port takes", rings_keep_to_what_the_port_takes },
     { "large frames get large buffers, or a refusal",
       large_frames_get_large_buffers_or_a_refusal },
     { "memory is shared out among workers, or refused", memory_is_shared_out_or_refused },
     { "the same input gives the same plan", the_same_input_gives_the_same_plan })
