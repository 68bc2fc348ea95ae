/*
 * port_open.c - finding, describing, configuring and starting DPDK ports. See port_io.h.
 *
 * The plan says how many queues, descriptors and mbufs, and which offloads; the device has the last word, and what it
 * really has is read back here: MAC, RSS key and table, offloads. Called on the main thread at launch only; on failure
 * the process is to end, so that nothing is undone half-way.
 */
#include <errno.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <string.h>

#include "run/dpdk_start.h"
#include "run/port_int.h"
#include "run/port_io.h"

#define DEVICE_NAME_BYTES 64u
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + 8u) /* Ethernet and two VLAN tags */

#define TAP_DESCRIPTORS 64u

static bool port_refused(const struct port *p, const char *what, int failed, char *error,
                         size_t error_bytes);
static bool port_find(const char *device, uint16_t *port_id);
static uint32_t offloads_of(const struct rte_eth_dev_info *info);
static bool port_configure(struct port *p, const struct plan_port *plan, struct rte_eth_dev_info *info,
                           char *error, size_t error_bytes);
static bool queue_open(struct port *p, uint16_t queue, const struct plan_port *plan,
                       const struct rte_eth_dev_info *info, char *error, size_t error_bytes);
static bool port_start(struct port *p, char *error, size_t error_bytes);
static void rss_read_back(struct port *p, const struct rte_eth_dev_info *info);

bool port_inventory(const char *device, struct plan_inventory_port *out, char *error,
                    size_t error_bytes)
{
	struct rte_eth_dev_info info;
	uint16_t id;
	if (!port_find(device, &id)) {
		snprintf(error, error_bytes, "no DPDK device for \"%s\": see the messages above", device);
		return false;
	}
	int failed = rte_eth_dev_info_get(id, &info);
	if (failed != 0) {
		snprintf(error, error_bytes, "%s does not describe itself: %s", device, strerror(-failed));
		return false;
	}
	*out = (struct plan_inventory_port){
		.device = device,
		.driver = info.driver_name,
		.rx_queues_max = info.max_rx_queues,
		.tx_queues_max = info.max_tx_queues,
		.rx_desc_min = info.rx_desc_lim.nb_min,
		.rx_desc_max = info.rx_desc_lim.nb_max,
		.tx_desc_min = info.tx_desc_lim.nb_min,
		.tx_desc_max = info.tx_desc_lim.nb_max,
		.mtu_max = info.max_mtu,
		.reta_size = info.reta_size,
		.rss_key_bytes = info.hash_key_size,
		.offloads = offloads_of(&info),
		.numa = (int16_t)rte_eth_dev_socket_id(id),
	};
	return true;
}

/* The name before the first comma; a PCI address may leave out its domain. */
static bool port_find(const char *device, uint16_t *port_id)
{
	char name[DEVICE_NAME_BYTES];
	size_t bytes = strcspn(device, ",");
	if (bytes + sizeof("0000:") > sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)bytes, device);
	if (rte_eth_dev_get_port_by_name(name, port_id) == 0)
		return true;
	snprintf(name, sizeof(name), "0000:%.*s", (int)bytes, device);
	return rte_eth_dev_get_port_by_name(name, port_id) == 0;
}

static uint32_t offloads_of(const struct rte_eth_dev_info *info)
{
	uint64_t rx = info->rx_offload_capa | info->rx_queue_offload_capa;
	uint64_t tx = info->tx_offload_capa | info->tx_queue_offload_capa;
	uint64_t rx_sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	uint32_t offloads = 0;
	if ((rx & rx_sums) == rx_sums)
		offloads |= PLAN_RX_CHECKSUM;
	if ((rx & RTE_ETH_RX_OFFLOAD_TCP_LRO) && (rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM))
		offloads |= PLAN_RX_LRO;
	if (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		offloads |= PLAN_TX_CHECKSUM_TCP;
	if (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		offloads |= PLAN_TX_CHECKSUM_IP4;
	if (tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		offloads |= PLAN_TX_MULTI_SEGS;
	if (tx & RTE_ETH_TX_OFFLOAD_TCP_TSO)
		offloads |= PLAN_TX_TSO;
	if (tx & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
		offloads |= PLAN_TX_FAST_FREE;
	bool table = info->reta_size > 0 && info->reta_size <= PLAN_RETA_MAX &&
	             info->hash_key_size > 0 && info->hash_key_size <= PLAN_RSS_KEY_MAX;
	if (table && (info->flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_TCP))
		offloads |= PLAN_RSS_TCP;
	return offloads;
}

struct port *port_open(const char *name, const char *device, uint16_t mtu, const struct plan_port *plan,
                       char *error, size_t error_bytes)
{
	struct rte_eth_dev_info info;
	struct port *p = rte_zmalloc("port", sizeof(*p), RTE_CACHE_LINE_SIZE);
	if (p == NULL) {
		snprintf(error, error_bytes, "no hugepage memory for port %s", name);
		return NULL;
	}
	p->name = name;
	p->mtu = mtu;
	p->queues = plan->queues;
	CHECK(plan->queues >= 1);
	CHECK(plan->queues <= PLAN_LCORES_MAX);
	if (!port_find(device, &p->port_id) || rte_eth_dev_info_get(p->port_id, &info) != 0) {
		snprintf(error, error_bytes, "port %s: device %s is gone", name, device);
		return NULL;
	}
	if (!port_configure(p, plan, &info, error, error_bytes))
		return NULL;
	for (uint16_t i = 0; i < p->queues; i++)
		if (!queue_open(p, i, plan, &info, error, error_bytes))
			return NULL;
	if (!port_start(p, error, error_bytes))
		return NULL;
	rss_read_back(p, &info);
	return p;
}

struct port *port_open_tap(const char *name, const char *device, const struct port *behind,
                           const struct plan_port *plan, char *error, size_t error_bytes)
{
	const struct plan_port own = { .queues = 1,
		                       .rx_descriptors = TAP_DESCRIPTORS,
		                       .tx_descriptors = TAP_DESCRIPTORS,
		                       .mbuf_data_bytes = plan->mbuf_data_bytes,
		                       .mbufs = plan->mbufs };
	struct rte_ether_addr mac;
	struct port *p = port_open(name, device, behind->mtu, &own, error, error_bytes);
	if (p == NULL)
		return NULL;
	memcpy(mac.addr_bytes, behind->mac, sizeof(mac.addr_bytes));
	int failed = rte_eth_dev_default_mac_addr_set(p->port_id, &mac);
	if (failed == 0)
		return p;
	(void)port_refused(p, "the kernel does not give its interface the port's MAC", failed, error, error_bytes);
	return NULL;
}

/* Writes "port NAME: WHAT: the errno's words". */
static bool port_refused(const struct port *p, const char *what, int failed, char *error,
                         size_t error_bytes)
{
	snprintf(error, error_bytes, "port %s: %s: %s", p->name, what, strerror(failed < 0 ? -failed : failed));
	return false;
}

static uint64_t rx_offloads_wanted(const struct port *p, const struct plan_port *plan,
                                   const struct rte_eth_dev_info *info)
{
	uint64_t wanted = 0;
	if (p->offloads & PLAN_RX_CHECKSUM)
		wanted |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if (p->offloads & PLAN_RX_LRO)
		wanted |= RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_SCATTER;
	if (p->mtu + FRAME_OVERHEAD + RTE_PKTMBUF_HEADROOM > (uint32_t)plan->mbuf_data_bytes)
		wanted |= RTE_ETH_RX_OFFLOAD_SCATTER;
	return wanted & info->rx_offload_capa;
}

static uint64_t tx_offloads_wanted(const struct port *p, const struct rte_eth_dev_info *info)
{
	uint64_t wanted = 0;
	if (p->offloads & PLAN_TX_CHECKSUM_TCP)
		wanted |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	if (p->offloads & PLAN_TX_CHECKSUM_IP4)
		wanted |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (p->offloads & PLAN_TX_TSO)
		wanted |= RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (p->offloads & PLAN_TX_FAST_FREE)
		wanted |= RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	return wanted & info->tx_offload_capa;
}

/* With a key of our own: whoever knows it can aim at one worker. TCP over IPv6 is asked for by both its names, with and
 * without regard to extension headers: the hash of plain headers is the same, and devices may know only one of them. */
static void rss_ask(struct port *p, const struct plan_port *plan, const struct rte_eth_dev_info *info,
                    struct rte_eth_conf *conf)
{
	const uint64_t flows = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX |
	                       RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6;
	struct rte_eth_rss_conf *rss = &conf->rx_adv_conf.rss_conf;
	bool asked = plan->steering == PLAN_STEER_RSS || plan->steering == PLAN_STEER_HAND;
	if (p->queues == 1 || !asked || (info->flow_type_rss_offloads & flows) == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	rss->rss_hf = flows & info->flow_type_rss_offloads;
	if ((info->rss_algo_capa & RTE_ETH_HASH_ALGO_CAPA_MASK(TOEPLITZ)) != 0)
		rss->algorithm = RTE_ETH_HASH_FUNCTION_TOEPLITZ;
	if (info->hash_key_size == 0 || info->hash_key_size > PLAN_RSS_KEY_MAX)
		return;
	dpdk_random(p->rss_key, info->hash_key_size);
	rss->rss_key = p->rss_key;
	rss->rss_key_len = info->hash_key_size;
}

/* Of the longest frame that segments are put together to; 0: the device does not say how long they may be. */
static uint32_t lro_bytes(const struct rte_eth_dev_info *info)
{
	return info->max_lro_pkt_size < TCP_LARGE_BYTES_MAX ? info->max_lro_pkt_size : TCP_LARGE_BYTES_MAX;
}

/* With the offloads that the port is to have; as rte_eth_dev_configure() says it. */
static int device_configure(struct port *p, const struct plan_port *plan, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {
		.rxmode = { .mtu = p->mtu,
		            .max_lro_pkt_size = lro_bytes(info),
		            .offloads = rx_offloads_wanted(p, plan, info) },
		.txmode = { .offloads = tx_offloads_wanted(p, info) },
	};
	rss_ask(p, plan, info, &conf);
	int failed = rte_eth_dev_configure(p->port_id, p->queues, p->queues, &conf);
	if (failed != 0 && conf.rx_adv_conf.rss_conf.rss_key != NULL) { /* some keep their own key */
		conf.rx_adv_conf.rss_conf.rss_key = NULL;
		conf.rx_adv_conf.rss_conf.rss_key_len = 0;
		failed = rte_eth_dev_configure(p->port_id, p->queues, p->queues, &conf);
	}
	return failed;
}

static bool port_configure(struct port *p, const struct plan_port *plan, struct rte_eth_dev_info *info,
                           char *error, size_t error_bytes)
{
	uint16_t mtu_now;
	p->offloads = plan_offloads(plan, offloads_of(info), true);
	int failed = device_configure(p, plan, info);
	if (failed != 0 && (p->offloads & PLAN_RX_LRO) != 0) { /* some have it, but not with these queues, mtu or mbufs */
		fprintf(stderr, "weir: port %s: the device does not join segments (LRO) as planned: %s; without\n", p->name,
		        strerror(-failed));
		p->offloads = plan_offloads(plan, offloads_of(info), false);
		failed = device_configure(p, plan, info);
	}
	if (failed != 0)
		return port_refused(p, "does not take the planned queues, mtu and offloads", failed, error,
		                    error_bytes);
	if (rte_eth_dev_get_mtu(p->port_id, &mtu_now) == 0 && mtu_now == p->mtu)
		return true;
	failed = rte_eth_dev_set_mtu(p->port_id, p->mtu);
	if (failed != 0 && failed != -ENOTSUP) /* then the device has none of its own */
		return port_refused(p, "does not take the mtu", failed, error, error_bytes);
	return true;
}

static size_t cut_room_bytes(uint16_t mtu)
{
	size_t bytes = (size_t)TCP_CUT_SEGMENTS_MAX * mtu;
	return (bytes < PORT_CUT_BYTES_MAX ? bytes : PORT_CUT_BYTES_MAX) + TCP_CUT_HEADERS_MAX;
}

static bool queue_open(struct port *p, uint16_t queue, const struct plan_port *plan,
                       const struct rte_eth_dev_info *info, char *error, size_t error_bytes)
{
	struct port_queue *q = &p->queue[queue];
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	struct rte_eth_txconf txconf = info->default_txconf;
	uint16_t rx = plan->rx_descriptors, tx = plan->tx_descriptors;
	int socket = rte_eth_dev_socket_id(p->port_id);
	char name[32];

	*q = (struct port_queue){ .port_id = p->port_id, .queue = queue, .port = p,
		                  .tx_checksum = (p->offloads & PLAN_TX_CHECKSUM_TCP) != 0,
		                  .tso = (p->offloads & PLAN_TX_TSO) != 0,
		                  .lro = (p->offloads & PLAN_RX_LRO) != 0,
		                  .frame_bytes = p->mtu + FRAME_OVERHEAD,
		                  .rx_checksum = (p->offloads & PLAN_RX_CHECKSUM) != 0,
		                  .rx_partial = (p->offloads & PLAN_RX_PARTIAL) != 0 };
	q->cut.bytes = cut_room_bytes(p->mtu);
	q->cut.data = rte_malloc_socket("cut", q->cut.bytes, RTE_CACHE_LINE_SIZE, socket);
	if (q->cut.data == NULL)
		return port_refused(p, "no hugepage memory for frames that are cut", ENOMEM, error, error_bytes);
	if (q->lro)
		q->pieces = rte_malloc_socket("pieces", PORT_PIECES_MAX * sizeof(*q->pieces), RTE_CACHE_LINE_SIZE, socket);
	if (q->lro && q->pieces == NULL)
		return port_refused(p, "no hugepage memory for frames in pieces", ENOMEM, error, error_bytes);
	snprintf(name, sizeof(name), "frames_%u_%u", p->port_id, queue);
	q->pool = rte_pktmbuf_pool_create(name, plan->mbufs, PORT_MBUF_CACHE, 0,
	                                  plan->mbuf_data_bytes, socket);
	if (q->pool == NULL)
		return port_refused(p, "no hugepage memory for the frames of a queue", rte_errno, error,
		                    error_bytes);
	snprintf(name, sizeof(name), "handed_%u_%u", p->port_id, queue);
	q->handed = rte_ring_create(name, PORT_HANDED_FRAMES, socket, RING_F_SC_DEQ);
	if (q->handed == NULL)
		return port_refused(p, "no hugepage memory for the hand-over ring", rte_errno, error,
		                    error_bytes);
	rxconf.offloads = rx_offloads_wanted(p, plan, info);
	txconf.offloads = tx_offloads_wanted(p, info);
	int failed = rte_eth_dev_adjust_nb_rx_tx_desc(p->port_id, &rx, &tx);
	if (failed == 0)
		failed = rte_eth_rx_queue_setup(p->port_id, queue, rx, (unsigned)socket, &rxconf, q->pool);
	if (failed == 0)
		failed = rte_eth_tx_queue_setup(p->port_id, queue, tx, (unsigned)socket, &txconf);
	if (failed != 0)
		return port_refused(p, "a queue could not be set up", failed, error, error_bytes);
	return true;
}

/* Neighbour discovery needs multicast frames; devices that always pass them say so by not supporting the call. */
static bool port_start(struct port *p, char *error, size_t error_bytes)
{
	struct rte_ether_addr mac;
	int failed = rte_eth_dev_start(p->port_id);
	if (failed != 0)
		return port_refused(p, "does not start", failed, error, error_bytes);
	failed = rte_eth_macaddr_get(p->port_id, &mac);
	if (failed != 0)
		return port_refused(p, "has no MAC address", failed, error, error_bytes);
	memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	failed = rte_eth_allmulticast_enable(p->port_id);
	if (failed != 0 && failed != -ENOTSUP)
		fprintf(stderr, "weir: port %s: multicast frames could not be asked for: %s\n", p->name,
		        strerror(-failed));
	return true;
}

static void rss_read_back(struct port *p, const struct rte_eth_dev_info *info)
{
	struct rte_eth_rss_reta_entry64 reta[PLAN_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE] = { 0 };
	struct rte_eth_rss_conf conf = { .rss_key = p->rss_key, .rss_key_len = info->hash_key_size };
	if (p->queues == 1 || !(p->offloads & PLAN_RSS_TCP))
		return;
	for (uint32_t i = 0; i < COUNT_OF(reta); i++)
		reta[i].mask = UINT64_MAX;
	if (rte_eth_dev_rss_hash_conf_get(p->port_id, &conf) != 0 ||
	    rte_eth_dev_rss_reta_query(p->port_id, reta, info->reta_size) != 0)
		return;
	if ((conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_TCP) == 0 ||
	    (conf.algorithm != RTE_ETH_HASH_FUNCTION_DEFAULT && conf.algorithm != RTE_ETH_HASH_FUNCTION_TOEPLITZ))
		return; /* it hashes something else */
	p->rss_key_bytes = info->hash_key_size;
	p->reta_size = info->reta_size;
	for (uint32_t i = 0; i < p->reta_size; i++)
		p->reta[i] = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

void port_shut(struct port *p)
{
	(void)rte_eth_dev_stop(p->port_id);
	(void)rte_eth_dev_close(p->port_id);
}

void port_mac(const struct port *p, uint8_t mac[6])
{
	memcpy(mac, p->mac, sizeof(p->mac));
}

uint32_t port_offloads(const struct port *p)
{
	return p->offloads;
}

bool port_link_up(const struct port *p)
{
	struct rte_eth_link link;
	return rte_eth_link_get_nowait(p->port_id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

struct span port_rss_key(const struct port *p)
{
	return span_of(p->rss_key, p->rss_key_bytes);
}

uint16_t port_reta(const struct port *p, const uint16_t **queues)
{
	*queues = p->reta;
	return p->reta_size;
}

struct port_queue *port_queue_of(struct port *p, uint16_t queue)
{
	CHECK(queue < p->queues);
	return &p->queue[queue];
}
