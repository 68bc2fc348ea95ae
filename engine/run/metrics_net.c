/*
 * metrics_net.c - the families of ports and TCP: rows of struct members. See metrics_int.h.
 */
#include <inttypes.h>
#include <stddef.h>

#include "run/metrics_int.h"

/* ---- ports ---- */

static void nic_family(const struct view *v, struct buffer *out, const char *name, const char *help,
                       const struct member *members, size_t count)
{
	metrics_family(out, name, "counter", help);
	for (uint32_t w = 0; w < v->worker_count; w++)
		for (uint32_t s = 0; s < v->workers[w].stack_count; s++)
			for (size_t m = 0; m < count; m++)
				buffer_printf(out, "%s{port=\"%s\",queue=\"%u\",%s} %" PRIu64 "\n", name,
				              v->workers[w].stacks[s].port, w, members[m].labels,
				              member_read(v->workers[w].stacks[s].io, members[m].offset));
}

void metrics_nic(const struct view *v, struct buffer *out)
{
	static const struct member packets[] = {
		{ "direction=\"in\"", offsetof(struct port_counters, rx_frames) },
		{ "direction=\"out\"", offsetof(struct port_counters, tx_frames) },
	};
	static const struct member bytes[] = {
		{ "direction=\"in\"", offsetof(struct port_counters, rx_bytes) },
		{ "direction=\"out\"", offsetof(struct port_counters, tx_bytes) },
	};
	static const struct member drops[] = {
		{ "reason=\"tx_stuck\"", offsetof(struct port_counters, tx_drops) },
		{ "reason=\"hand_over\"", offsetof(struct port_counters, hand_drops) },
		{ "reason=\"rx_unjoined\"", offsetof(struct port_counters, rx_unjoined) },
	};
	static const struct member waits[] = {
		{ "reason=\"tx_full\"", offsetof(struct port_counters, tx_full) },
		{ "reason=\"no_mbuf\"", offsetof(struct port_counters, no_mbuf) },
	};
	static const struct member handed[] = {
		{ "what=\"connection\"", offsetof(struct port_counters, handed_over) },
		{ "what=\"neighbour\"", offsetof(struct port_counters, copied_over) },
	};
	static const struct member large[] = { { "direction=\"in\"", offsetof(struct port_counters, rx_large) } };
	nic_family(v, out, "weir_nic_large_total", "Frames of several segments that the device has put together.", large,
	           COUNT_OF(large));
	nic_family(v, out, "weir_nic_packets_total", "Frames received and sent.", packets, COUNT_OF(packets));
	nic_family(v, out, "weir_nic_bytes_total", "Bytes of those frames.", bytes, COUNT_OF(bytes));
	nic_family(v, out, "weir_nic_drops_total", "Frames given up by us.", drops, COUNT_OF(drops));
	nic_family(v, out, "weir_nic_waits_total", "Times that sending had to wait for the next turn.", waits,
	           COUNT_OF(waits));
	nic_family(v, out, "weir_nic_handed_total",
	           "Frames passed to another worker: of its connections, or news of a neighbour.", handed,
	           COUNT_OF(handed));
}

void metrics_exception(const struct view *v, struct buffer *out)
{
	static const struct member frames[] = {
		{ "direction=\"in\",outcome=\"passed\"", offsetof(struct exception_counters, in_passed) },
		{ "direction=\"in\",outcome=\"handed\"", offsetof(struct exception_counters, in_handed) },
		{ "direction=\"in\",outcome=\"limited\"", offsetof(struct exception_counters, in_limited) },
		{ "direction=\"in\",outcome=\"full\"", offsetof(struct exception_counters, in_full) },
		{ "direction=\"out\",outcome=\"passed\"", offsetof(struct exception_counters, out_passed) },
		{ "direction=\"out\",outcome=\"our_address\"", offsetof(struct exception_counters, out_ours) },
		{ "direction=\"out\",outcome=\"full\"", offsetof(struct exception_counters, out_full) },
	};
	static const char name[] = "weir_exception_frames_total";
	metrics_family(out, name, "counter",
	               "Frames between the cable and the kernel (in: to the kernel): passed, handed to the worker that has "
	               "the kernel's interface, or dropped.");
	for (uint32_t w = 0; w < v->worker_count; w++) {
		for (uint32_t s = 0; s < v->workers[w].stack_count; s++) {
			const struct view_stack *k = &v->workers[w].stacks[s];
			for (size_t m = 0; k->exception != NULL && m < COUNT_OF(frames); m++)
				buffer_printf(out, "%s{port=\"%s\",queue=\"%u\",%s} %" PRIu64 "\n", name, k->port, w,
				              frames[m].labels, member_read(k->exception, frames[m].offset));
		}
	}
}

/* ---- tcp ---- */

static void tcp_family(const struct view *v, struct buffer *out, const char *name, const char *help,
                       const struct member *members, size_t count)
{
	metrics_family(out, name, "counter", help);
	for (uint32_t w = 0; w < v->worker_count; w++)
		for (uint32_t s = 0; s < v->workers[w].stack_count; s++)
			for (size_t m = 0; m < count; m++)
				buffer_printf(out, "%s{worker=\"%u\",port=\"%s\"%s} %" PRIu64 "\n", name, w,
				              v->workers[w].stacks[s].port, members[m].labels,
				              member_read(v->workers[w].stacks[s].tcp, members[m].offset));
}

#define TCP_ONE(v, out, name, help, counter)                                                       \
	tcp_family(v, out, name, help,                                                             \
	           &(const struct member){ "", offsetof(struct tcp_counters, counter) }, 1)

static void tcp_gauges(const struct view *v, struct buffer *out)
{
	metrics_family(out, "weir_tcp_connections", "gauge", "Connections held, by state.");
	for (uint32_t w = 0; w < v->worker_count; w++) {
		for (uint32_t s = 0; s < v->workers[w].stack_count; s++) {
			const struct view_stack *k = &v->workers[w].stacks[s];
			uint32_t live = k->connections > k->time_waits ? k->connections - k->time_waits : 0;
			buffer_printf(out, "weir_tcp_connections{worker=\"%u\",port=\"%s\",state=\"live\"} %u\n", w,
			              k->port, live);
			buffer_printf(out,
			              "weir_tcp_connections{worker=\"%u\",port=\"%s\",state=\"time_wait\"} %u\n",
			              w, k->port, k->time_waits);
		}
	}
}

static void tcp_drops(const struct view *v, struct buffer *out)
{
	metrics_family(out, "weir_tcp_drops_total", "counter", "Frames and segments dropped, by reason.");
	for (uint32_t w = 0; w < v->worker_count; w++)
		for (uint32_t s = 0; s < v->workers[w].stack_count; s++)
			for (enum tcp_drop d = 0; d < TCP_DROP_COUNT; d++)
				buffer_printf(out,
				              "weir_tcp_drops_total{worker=\"%u\",port=\"%s\",reason=\"%s\"} %" PRIu64
				              "\n",
				              w, v->workers[w].stacks[s].port, label_of(tcp_drop_name(d)).text,
				              view_read(&v->workers[w].stacks[s].tcp->drops[d]));
}

static void tcp_paths(const struct view *v, struct buffer *out)
{
	static const struct member sizes[] = {
		{ ",what=\"reported\"", offsetof(struct tcp_counters, path_reports) },
		{ ",what=\"remembered\"", offsetof(struct tcp_counters, path_known) },
		{ ",what=\"probe\"", offsetof(struct tcp_counters, path_probes) },
		{ ",what=\"probe_lost\"", offsetof(struct tcp_counters, path_probes_lost) },
		{ ",what=\"raised\"", offsetof(struct tcp_counters, path_raised) },
		{ ",what=\"undone\"", offsetof(struct tcp_counters, path_undone) },
	};
	TCP_ONE(v, out, "weir_tcp_black_holes_total", "Paths that swallowed large segments without a word.",
	        black_holes);
	tcp_family(v, out, "weir_tcp_path_size_total",
	           "What happened to the size of segments: smaller by a router's report or by what is remembered of the path, "
	           "larger ones tried, lost, found to pass, and found not to after all.",
	           sizes, COUNT_OF(sizes));
}

void metrics_tcp(const struct view *v, struct buffer *out)
{
	static const struct member segments[] = {
		{ ",direction=\"in\"", offsetof(struct tcp_counters, segments_in) },
		{ ",direction=\"out\"", offsetof(struct tcp_counters, segments_out) },
	};
	static const struct member opens[] = {
		{ ",side=\"near\"", offsetof(struct tcp_counters, opened_passive) },
		{ ",side=\"next\"", offsetof(struct tcp_counters, opened_active) },
	};
	static const struct member retransmits[] = {
		{ ",reason=\"timeout\"", offsetof(struct tcp_counters, timeouts) },
		{ ",reason=\"fast\"", offsetof(struct tcp_counters, fast_retransmits) },
		{ ",reason=\"tail_probe\"", offsetof(struct tcp_counters, tail_probes) },
	};
	static const struct member ecn[] = {
		{ ",what=\"marked\"", offsetof(struct tcp_counters, ecn_marks) },
		{ ",what=\"echoed\"", offsetof(struct tcp_counters, ecn_echoes) },
	};
	static const struct member cookies[] = {
		{ ",what=\"given\"", offsetof(struct tcp_counters, cookies_given) },
		{ ",what=\"taken\"", offsetof(struct tcp_counters, cookies_taken) },
	};
	static const struct member resets[] = {
		{ ",direction=\"in\"", offsetof(struct tcp_counters, resets_in) },
		{ ",direction=\"out\"", offsetof(struct tcp_counters, resets_out) },
	};
	static const struct member boxes[] = {
		{ ",what=\"told\"", offsetof(struct tcp_counters, black_boxes) },
		{ ",what=\"suppressed\"", offsetof(struct tcp_counters, black_boxes_lost) },
	};
	tcp_gauges(v, out);
	tcp_family(v, out, "weir_tcp_segments_total", "TCP segments.", segments, COUNT_OF(segments));
	tcp_family(v, out, "weir_tcp_opens_total", "Connections established.", opens, COUNT_OF(opens));
	TCP_ONE(v, out, "weir_tcp_closes_total", "Connections over, for whatever reason.", closed);
	TCP_ONE(v, out, "weir_tcp_retransmits_total", "Segments sent again.", retransmits);
	tcp_family(v, out, "weir_tcp_recoveries_total", "Losses noticed, by how.", retransmits,
	           COUNT_OF(retransmits));
	TCP_ONE(v, out, "weir_tcp_spurious_total", "Recoveries that were for nothing, and were undone.", spurious);
	TCP_ONE(v, out, "weir_tcp_reneged_total", "Peers that forgot what they had acknowledged selectively.",
	        reneged);
	TCP_ONE(v, out, "weir_tcp_doubled_total", "Segments received with bytes that were here already.", doubled_in);
	TCP_ONE(v, out, "weir_tcp_reassembled_total", "Datagrams put together of IP fragments.", reassembled);
	tcp_paths(v, out);
	tcp_family(v, out, "weir_tcp_ecn_total", "Congestion that routers marked: seen by us, told by peers.", ecn,
	           COUNT_OF(ecn));
	tcp_family(v, out, "weir_tcp_syn_cookies_total", "SYN cookies, and connections made of them.", cookies,
	           COUNT_OF(cookies));
	tcp_family(v, out, "weir_tcp_black_boxes_total",
	           "Connections that ended in disorder: told to control, and not told since there were too many.", boxes,
	           COUNT_OF(boxes));
	tcp_family(v, out, "weir_tcp_resets_total", "RST segments.", resets, COUNT_OF(resets));
	TCP_ONE(v, out, "weir_tcp_foreign_total", "Segments for connections that this worker does not have.",
	        foreign);
	tcp_drops(v, out);
}
