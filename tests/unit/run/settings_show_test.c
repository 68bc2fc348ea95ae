/*
 * settings_show_test.c - settings in effect, as lines.
 */
#include "run/settings_show.h"

#include <string.h>

#include "../unit.h"

static struct settings settings;
static struct settings_route routes[2];

static void settings_make(void)
{
	static const char *const domains[] = { "example.test", ".sub.test" };
	memset(&settings, 0, sizeof(settings));
	memset(routes, 0, sizeof(routes));
	settings.hostname = "mx.example.test";
	settings.workers.lcores = "1-2";
	settings.workers.idle = SETTINGS_IDLE_BUSY;
	settings.port_count = 1;
	settings.ports[0] = (struct settings_port){
		.name = "wire0",
		.device = "net_tap0,iface=\"x\"",
		.address_count = 1,
		.addresses = { { .addr = { .family = IP_V4, .bytes = { 198, 18, 0, 2 } }, .bits = 24, .vlan = 100 } },
		.mtu = 9000,
		.route_count = 2,
		.routes = { [1] = { .to = { .addr = { .family = IP_V4, .bytes = { 198, 19 } }, .bits = 16 },
		                    .via = { .family = IP_V4, .bytes = { 198, 18, 0, 1 } } } },
	};
	settings.certificate_count = 2;
	settings.certificates[1].name = "second";
	settings.listener_count = 2;
	settings.listeners[0] = (struct settings_listener){ .certificate = 1, .tls = SETTINGS_NEAR_REQUIRE };
	settings.listeners[1] = (struct settings_listener){ .certificate = UINT32_MAX, .tls = SETTINGS_NEAR_OFF };
	settings.route_count = 2;
	settings.routes = routes;
	routes[1].domains = (struct settings_strings){ .count = 2, .items = domains };
	routes[1].next_count = 1;
	routes[1].next[0] = (struct endpoint){ .addr = { .family = IP_V6, .bytes = { [15] = 1 } }, .port = 2525 };
	settings.limits.message_bytes_max = 1ull << 33;
}

static bool shows(const char *line)
{
	struct buffer out = { .data = NULL };
	char wanted[256];
	buffer_printf(&out, "\n");
	settings_show(&settings, &out);
	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	bool found = strstr(out.data, wanted) != NULL;
	CU_ASSERT_FALSE(out.failed);
	buffer_free(&out);
	return found;
}

static void plain_values_stand_under_their_path(void)
{
	settings_make();
	CU_ASSERT_TRUE(shows("hostname = \"mx.example.test\""));
	CU_ASSERT_TRUE(shows("workers.idle = \"busy\""));
	CU_ASSERT_TRUE(shows("limits.message_bytes_max = 8589934592"));
}

static void elements_of_lists_are_numbered(void)
{
	settings_make();
	CU_ASSERT_TRUE(shows("ports[0].mtu = 9000"));
	CU_ASSERT_TRUE(shows("ports[0].addresses = [ \"198.18.0.2/24 vlan 100\" ]"));
	CU_ASSERT_TRUE(shows("routes[1].domains = [ \"example.test\", \".sub.test\" ]"));
	CU_ASSERT_TRUE(shows("routes[1].next = [ \"[::1]:2525\" ]"));
}

static void lists_in_lists_are_numbered_twice(void)
{
	settings_make();
	CU_ASSERT_TRUE(shows("ports[0].routes[1].to = \"198.19.0.0/16\""));
	CU_ASSERT_TRUE(shows("ports[0].routes[1].via = \"198.18.0.1\""));
	CU_ASSERT_FALSE(shows("ports[0].routes[0].to = \"-/0\"")); /* not set */
}

static void quotes_in_texts_are_escaped(void)
{
	settings_make();
	CU_ASSERT_TRUE(shows("ports[0].device = \"net_tap0,iface=\\\"x\\\"\""));
}

static void a_certificate_is_shown_by_name_and_none_not_at_all(void)
{
	settings_make();
	CU_ASSERT_TRUE(shows("listeners[0].certificate = \"second\""));
	CU_ASSERT_FALSE(shows("listeners[1].certificate = \"\""));
	CU_ASSERT_TRUE(shows("listeners[1].tls = \"off\""));
}

UNIT("run/settings_show", { "plain values stand under their path", plain_values_stand_under_their_path },
     { "elements of lists are numbered", elements_of_lists_are_numbered },
     { "elements of lists in lists are numbered twice", lists_in_lists_are_numbered_twice },
     { "quotes in texts are escaped", quotes_in_texts_are_escaped },
     { "a certificate is shown by name, and none not at all",
       a_certificate_is_shown_by_name_and_none_not_at_all })
