/*
 * config_file_test.c - what an operator writes becomes settings, and what is wrong is said with its
 * place.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_text.h"
#include "tests/unit/unit.h"

/* The configuration that must be accepted. */
static const char sample[] =
	"workers = { lcores = \"1\"; idle = \"adaptive\"; };              # adaptive | busy\n"
	"ports = ( { name = \"wire0\"; device = \"net_af_packet0,iface=weir0\";\n"
	"            addresses = [ \"198.18.0.2/24\", \"2001:2:0:1::2/64\" ]; gateways = [ "
	"\"198.18.0.1\", "
	"\"2001:2:0:1::1\" ]; mtu = 1500; } );\n"
	"certificates = ( { name = \"mx\"; chain = \"mx.crt\"; key = \"mx.key\"; } );\n"
	"listeners = ( { name = \"inbound\"; address = \"198.18.0.2\"; port = 25;  tls = "
	"\"offer\";    "
	"certificate = \"mx\"; },\n"
	"              { name = \"smtps\";   address = \"198.18.0.2\"; port = 465; tls = "
	"\"implicit\"; "
	"certificate = \"mx\"; } );\n"
	"routes = ( { domains = [ \"example.test\", \".sub.test\" ]; next = [ \"198.18.0.1:2525\", "
	"\"[2001:2:0:1::1]:2525\" ]; } );\n"
	"tls = { trust = \"ca.crt\";\n"
	"        next = ( { domains = [ \"bank.test\" ]; level = \"verify\"; minimum = "
	"\"TLSv1.3\"; on_failure = "
	"\"defer\"; },\n"
	"                 { domains = [ \"*\" ];         level = \"opportunistic\"; } );\n"
	"        near = ( { domains = [ \"partner.test\" ]; level = \"encrypt\"; } ); };\n"
	"content = ( { name = \"eicar\"; literals = [ \"EICAR-STANDARD-ANTIVIRUS-TEST-FILE\" ]; "
	"verdict = \"reject\"; } "
	");\n"
	"limits = { message_bytes_max = 52428800; recipients_max = 1000; connections_max = 100000; "
	"};\n"
	"metrics = { listen = \"127.0.0.1:9425\"; };\n"
	"log = { file = \"weir.log\"; };\n";

#define PORTS                                                                                    \
	"ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ \"198.18.0.2/24\" ]; } " \
	");\n"
#define LEAST  PORTS CERTIFICATES LISTENERS ROUTES

static void sample_is_accepted(void)
{
	struct config *c = load(sample);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	const struct settings *s = config_settings(c);
	CU_ASSERT_STRING_EQUAL(s->workers.lcores, "1");
	CU_ASSERT_EQUAL(s->workers.count, 1);
	CU_ASSERT_EQUAL(s->workers.idle, SETTINGS_IDLE_ADAPTIVE);
	CU_ASSERT_EQUAL_FATAL(s->port_count, 1);
	CU_ASSERT_STRING_EQUAL(s->ports[0].device, "net_af_packet0,iface=weir0");
	CU_ASSERT_EQUAL(s->ports[0].address_count, 2);
	CU_ASSERT_EQUAL(s->ports[0].addresses[0].bits, 24);
	CU_ASSERT_EQUAL(s->ports[0].addresses[1].addr.family, IP_V6);
	CU_ASSERT_EQUAL(s->ports[0].gateway_count, 2);
	CU_ASSERT_EQUAL(s->ports[0].gateways[0].bytes[3], 1);
	CU_ASSERT_EQUAL(s->ports[0].mtu, 1500);
	CU_ASSERT_EQUAL_FATAL(s->listener_count, 2);
	CU_ASSERT_EQUAL(s->listeners[1].local.port, 465);
	CU_ASSERT_EQUAL(s->listeners[1].local.addr.bytes[3], 2);
	CU_ASSERT_EQUAL(s->listeners[1].tls, SETTINGS_NEAR_IMPLICIT);
	CU_ASSERT_EQUAL(s->listeners[1].certificate, 0);
	CU_ASSERT_EQUAL_FATAL(s->route_count, 1);
	CU_ASSERT_STRING_EQUAL(s->routes[0].domains.items[1], ".sub.test");
	CU_ASSERT_EQUAL(s->routes[0].next_count, 2);
	CU_ASSERT_EQUAL(s->routes[0].next[1].port, 2525);
	CU_ASSERT_EQUAL_FATAL(s->tls.next_count, 2);
	CU_ASSERT_EQUAL(s->tls.next[0].level, TLS_LEVEL_VERIFY);
	CU_ASSERT_EQUAL(s->tls.next[0].minimum, SETTINGS_TLS_1_3);
	CU_ASSERT_EQUAL(s->tls.next[1].minimum, SETTINGS_TLS_1_2);
	CU_ASSERT_EQUAL(s->tls.next[1].on_failure, SETTINGS_ON_FAILURE_DEFER);
	CU_ASSERT_EQUAL_FATAL(s->tls.near_count, 1);
	CU_ASSERT_EQUAL(s->tls.near[0].level, TLS_LEVEL_ENCRYPT);
	CU_ASSERT_EQUAL_FATAL(s->content_count, 1);
	CU_ASSERT_STRING_EQUAL(s->content[0].literals.items[0],
			       "EICAR-STANDARD-ANTIVIRUS-TEST-FILE");
	CU_ASSERT_EQUAL(s->content[0].verdict, SETTINGS_VERDICT_REJECT);
	CU_ASSERT_EQUAL(s->limits.message_bytes_max, 52428800);
	CU_ASSERT_EQUAL(s->limits.connections_max, 100000);
	CU_ASSERT_EQUAL(s->metrics.listen.port, 9425);
	config_free(c);
}

static void relative_paths_are_relative_to_the_file(void)
{
	struct config *c = load(sample);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(config_settings(c)->certificates[0].chain, "/etc/weir/mx.crt");
	CU_ASSERT_STRING_EQUAL(config_settings(c)->tls.trust, "/etc/weir/ca.crt");
	CU_ASSERT_STRING_EQUAL(config_settings(c)->log.file, "/etc/weir/weir.log");
	config_free(c);
	c = load_in(sample, "");
	CU_ASSERT_STRING_EQUAL(config_settings(c)->log.file, "weir.log");
	config_free(c);
	c = load_in(sample, "/");
	CU_ASSERT_STRING_EQUAL(config_settings(c)->log.file, "/weir.log");
	config_free(c);
	c = load(LEAST "log = { file = \"/var/log/weir.log\"; };");
	CU_ASSERT_STRING_EQUAL(config_settings(c)->log.file, "/var/log/weir.log");
	config_free(c);
}

static void what_is_not_written_has_its_default(void)
{
	struct config *c = load(LEAST);
	CU_ASSERT_STRING_EQUAL(said, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	const struct settings *s = config_settings(c);
	CU_ASSERT_TRUE(s->hostname != NULL && s->hostname[0] != '\0');
	CU_ASSERT_EQUAL(s->ports[0].mtu, 1500);
	CU_ASSERT_EQUAL(s->listeners[0].local.port, 25);
	CU_ASSERT_EQUAL(s->listeners[0].tls, SETTINGS_NEAR_OFFER);
	CU_ASSERT_PTR_NULL(s->routes[0].name);
	CU_ASSERT_PTR_NULL(s->tls.trust);
	CU_ASSERT_EQUAL(s->tls.next_count, 0);
	CU_ASSERT_EQUAL(s->limits.window_bytes_max, 262144);
	CU_ASSERT_EQUAL(s->limits.next_idle_seconds, 30);
	CU_ASSERT_EQUAL(s->limits.next_connections_max, 64);
	CU_ASSERT_EQUAL(s->limits.next_messages_max, 0);
	CU_ASSERT_EQUAL(s->limits.next_resumptions_max, 1024);
	CU_ASSERT_EQUAL(s->limits.memory_bytes, 0);
	CU_ASSERT_EQUAL(s->timeouts.near_command_seconds, 300);
	CU_ASSERT_EQUAL(s->timeouts.near_data_seconds, 180);
	CU_ASSERT_EQUAL(s->timeouts.next_connect_seconds, 20);
	CU_ASSERT_EQUAL(s->timeouts.next_command_seconds, 60);
	CU_ASSERT_EQUAL(s->timeouts.next_final_seconds, 600);
	CU_ASSERT_EQUAL(s->timeouts.tls_handshake_seconds, 30);
	CU_ASSERT_EQUAL(s->tcp.congestion, SETTINGS_CUBIC);
	CU_ASSERT_EQUAL(s->tcp.fragments, SETTINGS_FRAGMENTS_REFUSE);
	CU_ASSERT_EQUAL(s->tcp.syn_cookies, SETTINGS_COOKIES_UNDER_PRESSURE);
	CU_ASSERT_EQUAL(s->limits.source_connections_max, 0);
	CU_ASSERT_EQUAL(s->tcp.half_open_per_source_max, 256);
	CU_ASSERT_EQUAL(s->tcp.time_wait_seconds, 60);
	CU_ASSERT_EQUAL(s->metrics.listen.port, 0);
	CU_ASSERT_PTR_NULL(s->log.file);
	CU_ASSERT_STRING_EQUAL(s->dpdk.eal, "");
	config_free(c);
}

static void quantities_take_units(void)
{
	struct config *c = load(
		LEAST "limits = { message_bytes_max = \"10M\"; memory_bytes = \"2GiB\"; "
		      "next_idle_seconds = \"2m\"; recipients_max = \"500\"; };\n"
		      "timeouts = { near_command_seconds = \"5m\"; near_data_seconds = 90; };");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	const struct settings *s = config_settings(c);
	CU_ASSERT_EQUAL(s->limits.message_bytes_max, 10485760);
	CU_ASSERT_EQUAL(s->limits.memory_bytes, 2147483648u);
	CU_ASSERT_EQUAL(s->limits.next_idle_seconds, 120);
	CU_ASSERT_EQUAL(s->limits.recipients_max, 500);
	CU_ASSERT_EQUAL(s->timeouts.near_command_seconds, 300);
	CU_ASSERT_EQUAL(s->timeouts.near_data_seconds, 90);
	config_free(c);
	c = load(LEAST "limits = { memory_bytes = 8589934592L; };");
	CU_ASSERT_EQUAL(config_settings(c)->limits.memory_bytes, 8589934592u);
	config_free(c);
}

static void quantities_of_the_wrong_unit_are_refused(void)
{
	CU_ASSERT_TRUE(refused(
		LEAST "limits = { message_bytes_max = \"10s\"; };",
		"weir.conf:5: limits.message_bytes_max: \"10s\" is not right (64K to 1G bytes)"));
	CU_ASSERT_TRUE(refused(LEAST "limits = { next_idle_seconds = \"10M5\"; };",
			       "limits.next_idle_seconds"));
	CU_ASSERT_TRUE(
		refused(LEAST "limits = { recipients_max = \"1M\"; };", "limits.recipients_max"));
	CU_ASSERT_TRUE(
		refused(LEAST "limits = { recipients_max = 1.5; };", "is not a whole number"));
	CU_ASSERT_TRUE(refused(LEAST "limits = { memory_bytes = \"99999999999999G\"; };",
			       "limits.memory_bytes"));
}

static void numbers_out_of_range_are_refused(void)
{
	CU_ASSERT_TRUE(
		refused(LEAST "limits = { recipients_max = 99; };",
			"weir.conf:5: limits.recipients_max: 99 is out of range (100 to 50000)"));
	CU_ASSERT_TRUE(refused(LEAST "limits = { connections_max = -1; };", "-1 is out of range"));
	CU_ASSERT_TRUE(refused(LEAST "limits = { window_bytes_max = \"8M\"; };",
			       "8388608 is out of range"));
}

static void unknown_settings_are_refused_with_the_nearest(void)
{
	CU_ASSERT_TRUE(refused(LEAST "limits = { recipient_max = 1000; };",
			       "weir.conf:5: limits.recipient_max: unknown setting (did you mean "
			       "\"recipients_max\"?)"));
	CU_ASSERT_TRUE(refused(LEAST "listners = ( );", "(did you mean \"listeners\"?)"));
	CU_ASSERT_TRUE(refused(LEAST "recipients_max = 1000;",
			       "(did you mean \"limits.recipients_max\"?)"));
	CU_ASSERT_TRUE(refused(LEAST
			       "tls = { next = ( { domans = [ \"*\" ]; level = \"none\"; } ); };",
			       "tls.next[0].domans: unknown setting (did you mean \"domains\"?)"));
	CU_ASSERT_TRUE(
		refused(LEAST "zzz = 1;", "zzz: unknown setting (`weir --settings` lists all)"));
}

static void unknown_words_are_refused_with_the_nearest(void)
{
	CU_ASSERT_TRUE(refused(LEAST
			       "tls = { next = ( { domains = [ \"*\" ]; level = \"verfy\"; } ); };",
			       "tls.next[0].level: \"verfy\" is not known, did you mean "
			       "\"verify\"? (one of \"none\", "
			       "\"opportunistic\", \"encrypt\", \"verify\")"));
	CU_ASSERT_TRUE(
		refused(LEAST "workers = { idle = \"lazy\"; };", "\"lazy\" is not known (one of "));
	CU_ASSERT_TRUE(refused(
		PORTS CERTIFICATES ROUTES "listeners = ( { name = \"in\"; address = "
					  "\"198.18.0.2\"; certificate = \"my\"; } );",
		"listeners[0].certificate: there is no certificate \"my\", did you mean \"mx\"?"));
}

static void every_mistake_is_reported_with_its_line(void)
{
	CU_ASSERT_TRUE(refused("workers = { lcores = \"a\"; };\n"
			       "ports = ( { name = \"p\"; device = \"net_tap0\";\n"
			       "            addresses = [ \"198.18.0.2/33\" ]; } );\n" CERTIFICATES
			       "listeners = ( { name = \"in\"; address = \"198.18.0\"; certificate "
			       "= \"mx\"; } );\n"
			       "routes = ( { domains = [ \"a..b\" ]; } );\n",
			       "weir.conf:1: workers.lcores: \"a\" is not right"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "weir.conf:3: ports[0].addresses[0]: \"198.18.0.2/33\" is not right"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "weir.conf:5: listeners[0].address: \"198.18.0\" is not right"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "weir.conf:6: routes[0].domains[0]: \"a..b\" is not right"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "weir.conf:6: routes[0].next: is missing"));
	CU_ASSERT_EQUAL(lines_said(), 5);
}

/* A wrong value, a misspelt name and two settings that do not fit together, in one run. */
static void single_and_joint_mistakes_are_found_together(void)
{
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES
			       "listeners = ( { name = \"in\"; address = \"198.18.0.9\"; "
			       "certificate = \"mx\"; } );\n"
			       "routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.2:25\" ]; } );\n"
			       "limits = { recipients_max = 1; conections_max = 5000; };\n",
			       "weir.conf:3: listeners[0].address: is not an address of any port"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "weir.conf:4: routes[0].next[0]: is an address of our own"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "weir.conf:5: limits.recipients_max: 1 is out of range"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "weir.conf:5: limits.conections_max: unknown setting"));
	CU_ASSERT_EQUAL(lines_said(), 4);
}

/* What is said of a wrong value is not said again of everything that leans on it. */
static void one_mistake_is_one_line(void)
{
	CU_ASSERT_TRUE(refused("ports = ( { name = \"p\"; device = \"net_tap0\";\n"
			       "addresses = [ \"198.18.0/24\" ]; } );\n" CERTIFICATES LISTENERS ROUTES,
			       "weir.conf:2: ports[0].addresses[0]: \"198.18.0/24\" is not right"));
	CU_ASSERT_EQUAL(lines_said(), 1);
	CU_ASSERT_TRUE(refused(PORTS "certificate = ( { name = \"mx\"; chain = \"a\"; key = \"b\"; } "
				     ");\n" LISTENERS ROUTES,
			       "weir.conf:2: certificate: unknown setting (did you mean "
			       "\"certificates\"?)"));
	CU_ASSERT_EQUAL(lines_said(), 1);
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES ROUTES
			       "listeners = ( { name = \"in\"; adress = \"198.18.0.2\"; "
			       "certificate = \"mx\"; } );",
			       "listeners[0].adress: unknown setting (did you mean \"address\"?)"));
	CU_ASSERT_EQUAL(lines_said(), 1);
}

static void mistakes_found_elsewhere_take_their_line(void)
{
	FILE *errors = fmemopen(said, sizeof(said), "w");
	struct config *c = config_examine_text(LEAST "zzz = 1;", "weir.conf", "", errors);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_FALSE(config_doubted(c, "certificates[0].chain"));
	config_mistake(c, "certificates[0].chain", "a: %s", "is empty");
	CU_ASSERT_TRUE(config_doubted(c, "certificates[0].chain"));
	CU_ASSERT_TRUE(config_doubted(c, "certificates"));
	CU_ASSERT_FALSE(config_doubted(c, "certificates[0].key"));
	CU_ASSERT_FALSE(config_report(c, errors));
	config_free(c);
	fclose(errors);
	CU_ASSERT_STRING_EQUAL(said, "weir.conf:2: certificates[0].chain: a: is empty\n"
				     "weir.conf:5: zzz: unknown setting (`weir --settings` lists all)\n");
}

static void missing_parts_are_named(void)
{
	CU_ASSERT_TRUE(refused("", "weir.conf: ports: is missing"));
	CU_ASSERT_EQUAL(lines_said(), 3); /* ports, listeners, routes */
	CU_ASSERT_TRUE(
		refused(PORTS CERTIFICATES LISTENERS "routes = ( );", "routes: has 0 elements"));
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES LISTENERS "routes = ( 5 );",
			       "routes[0]: is not a group"));
	CU_ASSERT_TRUE(
		refused(PORTS CERTIFICATES LISTENERS "routes = { };", "routes: is not a list"));
	CU_ASSERT_TRUE(refused(LEAST "limits = ( );", "limits: is not a group"));
	CU_ASSERT_TRUE(refused(LEAST "log = { file = 5; };", "log.file: is not a text in quotes"));
	CU_ASSERT_TRUE(refused(LEAST "log = { file = \"\"; };", "log.file: has 0 bytes"));
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES LISTENERS
			       "routes = ( { domains = \"*\"; next = [ \"198.18.0.1:25\" ]; } );",
			       "routes[0].domains: is not a list in brackets"));
}

static void listeners_are_checked_against_ports_and_certificates(void)
{
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES ROUTES
			       "listeners = ( { name = \"in\"; address = \"198.18.0.3\"; "
			       "certificate = \"mx\"; } );",
			       "weir.conf:4: listeners[0].address: is not an address of any port"));
	CU_ASSERT_TRUE(
		refused(PORTS CERTIFICATES ROUTES
			"listeners = ( { name = \"in\"; address = \"198.18.0.2\"; } );",
			"listeners[0].certificate: is missing (only tls = \"off\" needs none)"));
	CU_ASSERT_TRUE(refused(
		PORTS CERTIFICATES ROUTES
		"listeners = ( { name = \"a\"; address = \"198.18.0.2\"; tls = \"off\"; },\n"
		" { name = \"b\"; address = \"198.18.0.2\"; tls = \"off\"; } );",
		"weir.conf:5: listeners[1].port: another listener has this address and port"));
	struct config *c = load(
		PORTS ROUTES
		"listeners = ( { name = \"a\"; address = \"198.18.0.2\"; tls = \"off\"; } );");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_EQUAL(config_settings(c)->listeners[0].certificate, UINT32_MAX);
	config_free(c);
}

static void names_are_unique(void)
{
	CU_ASSERT_TRUE(
		refused(LEAST "content = ( { name = \"a\"; literals = [ \"x\" ]; },\n"
			      "{ name = \"b\"; literals = [ \"y\" ]; }, { name = \"a\"; literals = "
			      "[ \"z\" ]; } );",
			"weir.conf:6: content[2].name: \"a\" is the name of content[0] already"));
	CU_ASSERT_TRUE(refused(LEAST "content = ( { name = \"a b\"; literals = [ \"x\" ]; } );",
			       "content[0].name: \"a b\" is not right (a name of 1 to 64"));
}

static void domains_have_one_rule_each(void)
{
	CU_ASSERT_TRUE(refused(
		PORTS CERTIFICATES LISTENERS
		"routes = ( { domains = [ \"a.test\", \"b.test\" ]; next = [ \"198.18.0.1:25\" ]; "
		"},\n"
		"{ domains = [ \"B.test\" ]; next = [ \"198.18.0.1:25\" ]; } );",
		"weir.conf:5: routes[1].domains[0]: \"b.test\" is listed in routes[0] already"));
	CU_ASSERT_TRUE(refused(
		LEAST "tls = { near = ( { domains = [ \"x\", \"x\" ]; level = \"encrypt\"; } ); };",
		"tls.near[0].domains[1]: \"x\" is listed in tls.near[0] already"));
	CU_ASSERT_TRUE(refused(LEAST "tls = { near = ( { domains = [ \"b\xc3\xbc"
				     "cher.test\" ]; level = \"none\"; } ); };",
			       "internationalised name in Unicode (write it as A-labels"));
}

static void senders_cannot_be_verified(void)
{
	CU_ASSERT_TRUE(
		refused(LEAST "tls = { near = ( { domains = [ \"*\" ]; level = \"verify\"; } ); };",
			"weir.conf:5: tls.near[0].level: \"verify\" is not for senders"));
	CU_ASSERT_TRUE(refused(
		PORTS ROUTES
		"listeners = ( { name = \"in\"; address = \"198.18.0.2\"; tls = \"off\"; } );\n"
		"tls = { near = ( { domains = [ \"*\" ]; level = \"encrypt\"; } ); };",
		"tls.near[0].level: \"encrypt\" can never be met"));
}

static void next_hops_must_be_reachable(void)
{
	CU_ASSERT_TRUE(
		refused(PORTS CERTIFICATES LISTENERS
			"routes = ( { domains = [ \"*\" ]; next = [ \"198.18.1.1:25\" ]; } );",
			"routes[0].next[0]: cannot be reached"));
	CU_ASSERT_TRUE(
		refused(PORTS CERTIFICATES LISTENERS
			"routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.2:26\" ]; } );",
			"routes[0].next[0]: is an address of our own"));
	CU_ASSERT_TRUE(refused(PORTS CERTIFICATES LISTENERS
			       "routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.1\" ]; } );",
			       "routes[0].next[0]: \"198.18.0.1\" is not right (a list of 1 to 16 "
			       "\"ADDRESS:PORT\""));
	CU_ASSERT_TRUE(refused(
		"ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ \"198.18.0.2/24\" "
		"];\n"
		" gateways = [ \"198.18.1.1\", \"198.18.0.1\" ]; } );\n" CERTIFICATES LISTENERS
			ROUTES,
		"weir.conf:2: ports[0].gateways[0]: lies in none of the port's networks"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "ports[0].gateways[1]: is the second of its family"));
}

static void syntax_errors_have_their_line(void)
{
	CU_ASSERT_TRUE(refused(PORTS "routes = ( {", "weir.conf:2: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "libconfig syntax"));
	CU_ASSERT_TRUE(refused("a = 1;\na = 2;\n", "weir.conf:2: "));
}

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
}

static void included_files_count_as_if_written_there(void)
{
	char folder[] = "/tmp/config_file_test.XXXXXX", path[64], included[64];
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/weir.conf", folder);
	snprintf(included, sizeof(included), "%s/limits.conf", folder);
	file_write(path, LEAST "@include \"limits.conf\"\nlog = { file = \"weir.log\"; };\n");
	file_write(included, "limits = { recipients_max = 500; };\n");
	FILE *errors = fmemopen(said, sizeof(said), "w");
	struct config *c = config_load(path, errors);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	char expected[96], where[96];
	CU_ASSERT_EQUAL(config_settings(c)->limits.recipients_max, 500);
	snprintf(expected, sizeof(expected), "%s/weir.log", folder);
	CU_ASSERT_STRING_EQUAL(config_settings(c)->log.file, expected);
	config_where(c, "limits.recipients_max", where, sizeof(where));
	CU_ASSERT_PTR_NOT_NULL(strstr(where, "limits.conf:1"));
	config_where(c, "certificates[0].chain", where, sizeof(where));
	CU_ASSERT_PTR_NOT_NULL(strstr(where, "weir.conf:2"));
	config_where(c, "certificates[7].chain", where, sizeof(where));
	CU_ASSERT_PTR_NOT_NULL(strstr(where, "weir.conf:2"));
	config_free(c);
	file_write(included, "\nlimits = { recipients_max = 1; };\n");
	CU_ASSERT_PTR_NULL(config_load(path, errors));
	fclose(errors);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "limits.conf:2: limits.recipients_max: 1 is out of range"));
	unlink(included);
	unlink(path);
	rmdir(folder);
}

static void files_that_cannot_be_read_are_named(void)
{
	FILE *errors = fmemopen(said, sizeof(said), "w");
	CU_ASSERT_PTR_NULL(config_load("/nonexistent/weir.conf", errors));
	CU_ASSERT_PTR_NULL(config_load("/tmp", errors));
	fclose(errors);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(said, "/nonexistent/weir.conf: cannot be read: No such file"));
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "/tmp: is a folder, not a file"));
}

UNIT("pmd-config/config_file",
     { "the sample configuration is accepted as written", sample_is_accepted },
     { "relative paths are relative to the file's folder",
       relative_paths_are_relative_to_the_file },
     { "what is not written has its default", what_is_not_written_has_its_default },
     { "quantities take units", quantities_take_units },
     { "quantities of the wrong unit are refused", quantities_of_the_wrong_unit_are_refused },
     { "numbers out of range are refused with the range", numbers_out_of_range_are_refused },
     { "unknown settings are refused with the nearest name",
       unknown_settings_are_refused_with_the_nearest },
     { "unknown words are refused with the nearest word",
       unknown_words_are_refused_with_the_nearest },
     { "every mistake is reported with its line", every_mistake_is_reported_with_its_line },
     { "mistakes of one value and of several are found together",
       single_and_joint_mistakes_are_found_together },
     { "one mistake is one line, whatever leans on it", one_mistake_is_one_line },
     { "mistakes found elsewhere take their line", mistakes_found_elsewhere_take_their_line },
     { "missing and misshapen parts are named", missing_parts_are_named },
     { "listeners are checked against ports and certificates",
       listeners_are_checked_against_ports_and_certificates },
     { "names are unique", names_are_unique },
     { "a domain has one rule, and is written in A-labels", domains_have_one_rule_each },
     { "levels that make no sense for senders are refused", senders_cannot_be_verified },
     { "next hops and gateways must be reachable", next_hops_must_be_reachable },
     { "syntax errors have their line", syntax_errors_have_their_line },
     { "included files count as if written there", included_files_count_as_if_written_there },
     { "files that cannot be read are named", files_that_cannot_be_read_are_named })
