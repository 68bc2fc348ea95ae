/*
 * launch_check_test.c - certificates, keys and trust are judged before anything is started, each
 * bad file at its line.
 */
#include "run/launch_check.h"

#include "tests/unit/crypto-offload/certificates.h"
#include "tests/unit/unit.h"

#define SAID_BYTES 8192u

static struct shop shop;
static char said[SAID_BYTES];

static bool judged(const char *text)
{
	FILE *errors = fmemopen(said, sizeof(said), "w");
	said[0] = '\0';
	struct config *c = config_examine_text(text, "weir.conf", shop.directory, errors);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	launch_check(c);
	bool is = config_report(c, errors);
	config_free(c);
	fclose(errors);
	return is;
}

/* One certificate a line from line 2 on, from pairs of file names, then the trust file's. */
static bool good(const char *const *files, unsigned certificates, const char *trust)
{
	char text[4096];
	FILE *to = fmemopen(text, sizeof(text), "w");
	fprintf(to, "ports = ( { name = \"p\"; device = \"net_tap0\"; addresses = [ \"198.18.0.2/24\" ]; } );\n"
		    "certificates = (");
	for (unsigned i = 0; i < certificates; i++)
		fprintf(to, "%s { name = \"c%u\"; chain = \"%s\"; key = \"%s\"; }\n", i == 0 ? "" : ",", i,
			files[2 * i], files[2 * i + 1]);
	fprintf(to, ");\n"
		    "listeners = ( { name = \"in\"; address = \"198.18.0.2\"; certificate = \"c0\"; } );\n"
		    "routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.1:25\" ]; } );\n"
		    "tls = { trust = \"%s\"; };\n",
		trust);
	fclose(to);
	return judged(text);
}

static bool said_of(const char *where, const char *what)
{
	const char *line = strstr(said, where);
	return line != NULL && strstr(line, what) != NULL;
}

static unsigned lines_said(void)
{
	unsigned lines = 0;
	for (const char *p = said; *p != '\0'; p++)
		lines += *p == '\n';
	return lines;
}

static void sound_files_are_accepted(void)
{
	CU_ASSERT_TRUE(good((const char *[]){ "mx.crt", "mx.key", "two.crt", "two.key" }, 2, "ca.pem"));
	CU_ASSERT_STRING_EQUAL(said, "");
}

static void every_bad_file_is_named(void)
{
	CU_ASSERT_FALSE(good((const char *[]){ "none.crt", "mx.key", "mx.crt", "ca.pem" }, 2, "mx.key"));
	CU_ASSERT_EQUAL(lines_said(), 3);
	CU_ASSERT_TRUE(said_of("weir.conf:2: certificates[0].chain: ", "none.crt"));
	CU_ASSERT_TRUE(said_of("weir.conf:3: certificates[1].key: ", "ca.pem"));
	CU_ASSERT_TRUE(said_of("weir.conf:7: tls.trust: ", "mx.key"));
}

static void key_of_another_certificate_is_refused(void)
{
	CU_ASSERT_FALSE(good((const char *[]){ "mx.crt", "mx.key", "two.crt", "mx.key" }, 2, "ca.pem"));
	CU_ASSERT_EQUAL(lines_said(), 1);
	CU_ASSERT_TRUE(said_of("weir.conf:3: certificates[1]", "mx.key"));
}

/* A configuration without TLS: one device, some words for DPDK, a log. */
static bool good_device(const char *device, const char *words, const char *log)
{
	char text[2048];
	snprintf(text, sizeof(text),
		 "ports = ( { name = \"p\"; device = \"%s\"; addresses = [ \"198.18.0.2/24\" ]; } );\n"
		 "listeners = ( { name = \"in\"; address = \"198.18.0.2\"; tls = \"off\"; } );\n"
		 "routes = ( { domains = [ \"*\" ]; next = [ \"198.18.0.1:25\" ]; } );\n"
		 "dpdk = { eal = \"%s\"; };\n"
		 "log = { file = \"%s\"; };\n",
		 device, words, log);
	return judged(text);
}

static void devices_and_words_are_judged_without_the_machine(void)
{
	CU_ASSERT_TRUE(good_device("net_memif0,role=server", "--log-level=8", "weir.log"));
	CU_ASSERT_TRUE(good_device("0000:01:00.0", "", "weir.log"));
	CU_ASSERT_FALSE(good_device("eth0", "--vdev=net_tap0", "weir.log"));
	CU_ASSERT_EQUAL(lines_said(), 2);
	CU_ASSERT_TRUE(said_of("weir.conf:1: ports[0].device: ", "neither a PCI address"));
	CU_ASSERT_TRUE(said_of("weir.conf:4: dpdk.eal: ", "--vdev=net_tap0"));
}

static void memory_is_not_shared_without_hugepages(void)
{
	CU_ASSERT_TRUE(good_device("net_tap0", "-m 64\"; secondary = \"on", "weir.log"));
	CU_ASSERT_FALSE(good_device("net_tap0", "-m 64 --no-huge\"; secondary = \"on", "weir.log"));
	CU_ASSERT_EQUAL(lines_said(), 1);
	CU_ASSERT_TRUE(said_of("weir.conf:4: dpdk.secondary: ", "needs hugepages"));
}

static void log_that_cannot_be_made_is_refused(void)
{
	CU_ASSERT_FALSE(good_device("net_tap0", "", "nowhere/weir.log"));
	CU_ASSERT_TRUE(said_of("weir.conf:5: log.file: ", "No such file"));
	CU_ASSERT_FALSE(good_device("net_tap0", "", "/tmp"));
	CU_ASSERT_TRUE(said_of("weir.conf:5: log.file: ", "is a folder"));
}

int main(void)
{
	static const struct leaf_order orders[] = {
		{ .file = "mx", .common = "mx.test", .names = "DNS:mx.test" },
		{ .file = "two", .common = "two.test", .names = "DNS:two.test" },
	};
	static const struct unit_test tests[] = {
		{ "sound files are accepted", sound_files_are_accepted },
		{ "every bad file is named in one run", every_bad_file_is_named },
		{ "the key of another certificate is refused", key_of_another_certificate_is_refused },
		{ "devices and DPDK's words are judged without the machine",
		  devices_and_words_are_judged_without_the_machine },
     { "memory is not shared without hugepages", memory_is_not_shared_without_hugepages },
		{ "a log that cannot be made is refused", log_that_cannot_be_made_is_refused },
	};
	shop_open(&shop);
	for (unsigned i = 0; i < 2; i++)
		shop_leaf(&shop, &orders[i]);
	int status = unit_main("run/launch_check", tests, sizeof(tests) / sizeof(tests[0]));
	shop_close(&shop);
	return status;
}
