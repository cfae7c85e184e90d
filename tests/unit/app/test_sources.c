/* Sources of jobs: what is read of them, which mistakes are named on which
 * line, and that what is shown reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/config.h"
#include "app/config_sources.h"
#include "base/alloc.h"
#include "base/assert.h"
#include "jobs/connectors/connector.h"

#define REPORTS_MAX 16

struct reports {
	char texts[REPORTS_MAX][512];
	size_t n;
};

static void report(void *ctx, const char *text)
{
	struct reports *reports = ctx;

	assert_true(reports->n < REPORTS_MAX);
	snprintf(reports->texts[reports->n++], 512, "%s", text);
}

static enum tb_err load(const char *text, struct reports *reports,
			struct tb_config **ret)
{
	char path[64] = "/tmp/test_sources.XXXXXX";
	struct tb_config_source source = { .path = path };
	int fd = mkstemp(path);
	enum tb_err err;
	FILE *file;

	reports->n = 0;
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	err = tb_config_load(&source, report, reports, ret);
	unlink(path);
	return err;
}

static struct tb_config *good(const char *text)
{
	struct reports reports;
	struct tb_config *config = NULL;
	enum tb_err err = load(text, &reports, &config);

	if (err && reports.n > 0)
		print_error("%s\n", reports.texts[0]);
	assert_int_equal(err, TB_OK);
	return config;
}

static void refused(const char *text, const char *expected)
{
	struct reports reports;
	struct tb_config *config;

	assert_int_equal(load(text, &reports, &config), TB_ERR_INVALID);
	for (size_t i = 1; i < reports.n; i++)
		print_error("also: %s\n", reports.texts[i]);
	assert_int_equal(reports.n, 1);
	assert_non_null(strchr(reports.texts[0], ':'));
	assert_string_equal(strchr(reports.texts[0], ':'), expected);
}

static bool is(struct tb_str s, const char *z)
{
	return s.p != NULL && tb_str_eq(s, tb_str_z(z));
}

#define COLLECTIONS                                                            \
	"collections:\n"                                                       \
	"  - {name: product, route: central}\n"                                \
	"  - {name: order, route: central}\n"

/* Sources stand before the collections that they name: the order in the file
 * says nothing. */
static const char all[] =
	"sources:\n"
	"  - name: shopify\n"
	"    type: shopify\n"
	"    url: https://example.myshopify.com/\n"
	"    api_version: 2024-01\n"
	"    token_file: /etc/tombolo/shopify.token\n"
	"    orgs: [org123, other]\n"
	"    entities:\n"
	"      - {name: products, collection: product}\n"
	"      - {name: sales, path: orders, collection: order, key: name}\n"
	"  - name: erp\n"
	"    type: http\n"
	"    url: http://127.0.0.1:8080/api\n"
	"    ca_file: ca.pem\n"
	"    timeout_s: 5\n"
	"    page_max_bytes: 1024\n"
	"    page_size: 10000\n"
	"    token_file: t\n"
	"    token_header: X-Key\n"
	"    paging: cursor\n"
	"    page_param: after\n"
	"    size_param: limit\n"
	"    cursor_field: next\n"
	"    since_param: since\n"
	"    entities:\n"
	"      - name: items\n"
	"        collection: product\n"
	"        path: items?state=active\n"
	"        items: data\n"
	"        total: total\n"
	"        deleted_field: state\n"
	"        deleted_value: gone\n"
	"        on_delete: ignore\n"
	"        renames:\n"
	"          - {from: a, to: b}\n"
	"          - {from: b, to: \"c \\\"d\\\"\"}\n"
	"  - name: centre\n"
	"    type: site\n"
	"    url: https://centre.example.org\n"
	"    user: shop-7\n"
	"    password_file: p\n"
	"    hardware_id: hw-7\n"
	"    entities:\n"
	"      - {name: order, collection: order}\n"
	"  - name: drop\n"
	"    type: file\n"
	"    path: /srv/drop\n"
	"    entities:\n"
	"      - {name: a, collection: product}\n"
	"      - {name: b, collection: product, format: csv}\n"
	"      - {name: c, collection: product, path: in/c.CSV, key: sku,\n"
	"         deleted_field: gone}\n"
	"      - {name: d, collection: product, path: in/d.txt, format: "
	"ndjson}\n" COLLECTIONS;

static void all_types_are_read(void **state)
{
	struct tb_config *config = good(all);
	const struct tb_source *s = config->sources.list;

	(void)state;
	assert_int_equal(config->sources.n, 4);
	assert_true(is(s[0].name, "shopify"));
	assert_string_equal(s[0].type, "shopify");
	/* Without the slash at its end. */
	assert_string_equal(s[0].url, "https://example.myshopify.com");
	assert_string_equal(s[0].api_version, "2024-01");
	assert_string_equal(s[0].token_file, "/etc/tombolo/shopify.token");
	assert_int_equal(s[0].n_orgs, 2);
	assert_true(is(s[0].orgs[1], "other"));
	assert_int_equal(s[0].timeout_s, 30);
	assert_int_equal(s[0].page_max_bytes, 32 << 20);
	assert_int_equal(s[0].page_size, 250);
	assert_int_equal(s[0].n_entities, 2);
	assert_true(is(s[0].entities[0].path, "products"));
	assert_true(is(s[0].entities[0].key, "id"));
	assert_true(is(s[0].entities[0].collection, "product"));
	assert_int_equal(s[0].entities[0].on_delete, TB_ON_DELETE_DELETE);
	assert_true(is(s[0].entities[1].path, "orders"));
	assert_true(is(s[0].entities[1].key, "name"));

	assert_string_equal(s[1].url, "http://127.0.0.1:8080/api");
	assert_string_equal(s[1].ca_file, "ca.pem");
	assert_string_equal(s[1].token_header, "X-Key");
	assert_int_equal(s[1].n_orgs, 0);
	assert_int_equal(s[1].timeout_s, 5);
	assert_int_equal(s[1].page_max_bytes, 1024);
	assert_int_equal(s[1].page_size, 10000);
	assert_int_equal(s[1].paging, TB_PAGING_CURSOR);
	assert_true(is(s[1].page_param, "after"));
	assert_true(is(s[1].size_param, "limit"));
	assert_true(is(s[1].cursor_field, "next"));
	assert_true(is(s[1].since_param, "since"));
	tb_config_destroy(config);
}

static void entities_of_all_types_are_read(void **state)
{
	struct tb_config *config = good(all);
	const struct tb_source *s = config->sources.list;
	const struct tb_source_entity *e = s[1].entities;

	(void)state;
	assert_true(is(e->path, "items?state=active"));
	assert_true(is(e->items, "data"));
	assert_true(is(e->total, "total"));
	assert_true(is(e->deleted_field, "state"));
	assert_true(is(e->deleted_value, "gone"));
	assert_int_equal(e->on_delete, TB_ON_DELETE_IGNORE);
	assert_int_equal(e->n_renames, 2);
	assert_true(is(e->renames[0].from, "a"));
	assert_true(is(e->renames[1].to, "c \"d\""));

	assert_string_equal(s[2].user, "shop-7");
	assert_string_equal(s[2].password_file, "p");
	assert_string_equal(s[2].hardware_id, "hw-7");
	assert_true(is(s[2].entities[0].path, "order"));

	assert_string_equal(s[3].path, "/srv/drop");
	assert_null(s[3].url);
	assert_int_equal(s[3].page_size, 1000);
	assert_true(is(s[3].entities[0].path, "a.ndjson"));
	assert_int_equal(s[3].entities[0].format, TB_FILE_BY_NAME);
	assert_true(is(s[3].entities[1].path, "b.csv"));
	assert_int_equal(s[3].entities[1].format, TB_FILE_CSV);
	assert_true(is(s[3].entities[2].path, "in/c.CSV"));
	assert_true(is(s[3].entities[2].deleted_field, "gone"));
	assert_null(s[3].entities[2].deleted_value.p);
	assert_int_equal(s[3].entities[3].format, TB_FILE_NDJSON);
	tb_config_destroy(config);
}

static void without_any_there_are_none(void **state)
{
	struct tb_config *config = good("sources: []\n");

	(void)state;
	assert_int_equal(config->sources.n, 0);
	tb_config_destroy(config);
	config = good("");
	assert_int_equal(config->sources.n, 0);
	tb_config_destroy(config);
}

/* Every type but `local` that a connector has can be said. */
static void all_connectors_types_are_known(void **state)
{
	static const char *const types[] = {
#define TB_CONNECTOR(name) #name,
#include "jobs/connectors/connectors.def"
#undef TB_CONNECTOR
	};
	struct tb_config *config = good(all);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(types); i++)
		for (size_t j = 0; j < config->sources.n; j++)
			if (!strcmp(config->sources.list[j].type, types[i]))
				n++;
	assert_int_equal(n, TB_ARRAY_LEN(types) - 1);
	tb_config_destroy(config);
}

static void what_is_shown_reads_back_to_the_same(void **state)
{
	struct tb_config *config = good(all);
	struct tb_config *again;
	struct tb_buf shown;
	struct tb_buf second;

	(void)state;
	tb_buf_init(&shown, 1024 * 1024);
	tb_buf_init(&second, 1024 * 1024);
	tb_config_put(&shown, config);
	tb_buf_append_char(&shown, '\0');
	assert_int_equal(tb_buf_err(&shown), TB_OK);
	again = good(shown.p);
	assert_int_equal(again->sources.n, 4);
	tb_config_put(&second, again);
	tb_buf_append_char(&second, '\0');
	assert_string_equal(shown.p, second.p);
	/* What was not said is shown, too. */
	assert_non_null(strstr(shown.p, "timeout_s: 30\n"));
	assert_non_null(strstr(shown.p, "page_size: 1000\n"));
	tb_buf_fini(&shown);
	tb_buf_fini(&second);
	tb_config_destroy(again);
	tb_config_destroy(config);
}

static void note_difference(void *ctx, const char *key, bool is_reloadable)
{
	struct reports *reports = ctx;

	assert_false(is_reloadable);
	report(reports, key);
}

static void a_change_needs_a_restart(void **state)
{
	static const char *const changes[][2] = {
		{ "timeout_s: 5", "timeout_s: 6" },
		{ "orgs: [org123, other]", "orgs: [org123, third]" },
		{ "from: a, to: b", "from: a, to: x" },
		{ "path: in/c.CSV", "path: in/e.csv" },
		{ "on_delete: ignore", "on_delete: delete" },
	};
	struct tb_config *config = good(all);
	struct reports reports = { .n = 0 };
	struct tb_config *other = good(all);

	(void)state;
	assert_int_equal(
		tb_config_compare(config, other, note_difference, &reports),
		TB_OK);
	assert_int_equal(reports.n, 0);
	tb_config_destroy(other);
	for (size_t i = 0; i < TB_ARRAY_LEN(changes); i++) {
		char text[sizeof(all) + 64];
		const char *at = strstr(all, changes[i][0]);

		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - all), all,
			 changes[i][1], at + strlen(changes[i][0]));
		other = good(text);
		reports.n = 0;
		assert_int_equal(tb_config_compare(config, other,
						   note_difference, &reports),
				 TB_OK);
		assert_int_equal(reports.n, 1);
		assert_string_equal(reports.texts[0], "sources");
		tb_config_destroy(other);
	}
	tb_config_destroy(config);
}

/* ---- mistakes ---- */

#define URL_WORDS                                                              \
	"expected a URL as https://shop.example.org (http on loopback "        \
	"alone), without a user, a query or a fragment"

/* A source of type http with one line more, on line 7. */
static void refused_line(const char *line, const char *expected)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 COLLECTIONS "sources:\n"
			     "  - name: s\n"
			     "    type: http\n"
			     "    %s\n"
			     "    entities:\n"
			     "      - {name: e, collection: product}\n",
		 line);
	refused(text, expected);
}

static void bad_urls_are_refused(void **state)
{
	static const char *const urls[] = {
		"''",
		"shop.example.org",
		"ftp://shop.example.org",
		"http://shop.example.org",
		"http://127.0.0.1.example.org",
		"http://10.0.0.1",
		"https://user@shop.example.org",
		"https://user:pass@shop.example.org/",
		"https://shop.example.org/?a=b",
		"https://shop.example.org?a=b",
		"'https://shop.example.org/#x'",
		"https://",
		"https:///x",
		"https://shop.example.org:x/",
		"https://shop.example.org/a/../b",
		"'https://shop.example.org/a b'",
		"HTTPS://shop.example.org",
		"'https://shop.example.org\\x'",
	};
	static const char *const good_urls[] = {
		"https://shop.example.org:8443/a/b",
		"http://localhost:9000",
		"http://[::1]:9000/x",
		"https://10.0.0.1",
	};
	char line[128];
	char text[2048];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(urls); i++) {
		snprintf(line, sizeof(line), "url: %s", urls[i]);
		refused_line(line, ":7: sources[0].url: " URL_WORDS);
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(good_urls); i++) {
		snprintf(text, sizeof(text),
			 COLLECTIONS "sources: [{name: s, type: http, url: "
				     "'%s', entities: [{name: e, collection: "
				     "order}]}]\n",
			 good_urls[i]);
		tb_config_destroy(good(text));
	}
}

static void what_a_source_must_have_is_asked_for(void **state)
{
#define E "entities: [{name: e, collection: product}]"
	static const char *const cases[][2] = {
		{ "{type: file, path: /x, " E "}",
		  "name: expected letters, digits, -, _ and ., 64 at most" },
		{ "{name: s, " E "}",
		  "type: expected shopify, http, site or file" },
		{ "{name: s, type: http, " E "}", "url: " URL_WORDS },
		{ "{name: s, type: shopify, api_version: v, token_file: t, " E
		  "}",
		  "url: " URL_WORDS },
		{ "{name: s, type: shopify, api_version: v, url: 'https://x', "
		  "" E "}",
		  "token_file: expected a file" },
		{ "{name: s, type: shopify, token_file: t, url: 'https://x', "
		  "" E "}",
		  "api_version: expected a version, as 2024-01" },
		{ "{name: s, type: site, user: u, url: 'https://x', " E "}",
		  "password_file: expected a file" },
		{ "{name: s, type: site, password_file: u, url: 'https://x', "
		  "" E "}",
		  "user: expected the site's name" },
		{ "{name: s, type: file, " E "}", "path: expected a folder" },
		{ "{name: s, type: file, path: /x}",
		  "entities: expected a list of entities" },
		{ "{name: s, type: file, path: /x, entities: []}",
		  "entities: expected at least one entity" },
	};
	char text[1024];
	char expected[512];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), COLLECTIONS "sources:\n  - %s\n",
			 cases[i][0]);
		snprintf(expected, sizeof(expected), ":5: sources[0].%s",
			 cases[i][1]);
		refused(text, expected);
	}
}

static void keys_of_other_types_are_refused(void **state)
{
	static const struct {
		const char *type;
		const char *source;
		const char *keys[16]; /* with their values */
	} types[] = {
		{ "shopify",
		  "url: 'https://x', api_version: v, token_file: t",
		  { "token_header: X", "user: u", "password_file: p",
		    "hardware_id: h", "paging: none", "page_param: p",
		    "size_param: s", "cursor_field: c", "since_param: s",
		    "path: /x" } },
		{ "http",
		  "url: 'https://x'",
		  { "hardware_id: h", "api_version: v", "path: /x" } },
		{ "site",
		  "url: 'https://x', user: u, password_file: p",
		  { "token_file: t", "token_header: X", "api_version: v",
		    "paging: link", "page_param: p", "size_param: s",
		    "cursor_field: c", "since_param: s", "path: /x" } },
		{ "file",
		  "path: /x",
		  { "url: 'https://x'", "ca_file: c", "timeout_s: 1",
		    "token_file: t", "token_header: X", "user: u",
		    "password_file: p", "hardware_id: h", "api_version: v",
		    "paging: page", "page_param: p", "size_param: s",
		    "cursor_field: c", "since_param: s" } },
	};
	char text[1024];
	char expected[512];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(types); i++) {
		for (size_t j = 0; types[i].keys[j]; j++) {
			snprintf(text, sizeof(text),
				 COLLECTIONS "sources:\n  - {name: s, type: "
					     "%s, %s, " E ",\n     %s}\n",
				 types[i].type, types[i].source,
				 types[i].keys[j]);
			snprintf(expected, sizeof(expected),
				 ":6: sources[0].%.*s: expected none with "
				 "type %s",
				 (int)strcspn(types[i].keys[j], ":"),
				 types[i].keys[j], types[i].type);
			refused(text, expected);
		}
	}
}

static void ranges_are_held(void **state)
{
	static const char *const cases[][2] = {
		{ "timeout_s: 0",
		  "timeout_s: expected a whole number from 1 to 3600" },
		{ "timeout_s: 3601",
		  "timeout_s: expected a whole number from 1 to 3600" },
		{ "page_max_bytes: 1023",
		  "page_max_bytes: expected a whole number from 1024 to "
		  "1073741824" },
		{ "page_max_bytes: 1073741825",
		  "page_max_bytes: expected a whole number from 1024 to "
		  "1073741824" },
		{ "page_size: 0",
		  "page_size: expected a whole number from 1 to 10000" },
		{ "page_size: 10001",
		  "page_size: expected a whole number from 1 to 10000" },
		{ "paging: offset",
		  "paging: expected none, link, cursor or page" },
		{ "ca_file: ''", "ca_file: expected a file" },
		{ "token_header: 'a b'",
		  "token_header: expected the name of a header" },
		{ "user: 'a:b'", "user: expected a name without a colon" },
		{ "orgs: ['']",
		  "orgs: expected a list, each item the name of an org" },
		{ "orgs: org123",
		  "orgs: expected a list, each item the name of an org" },
		{ "nonsense: 1", "nonsense: expected a known key" },
	};
	char expected[512];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(cases); i++) {
		snprintf(expected, sizeof(expected), ":7: sources[0].%s",
			 cases[i][1]);
		refused_line(cases[i][0], expected);
	}
	refused(COLLECTIONS
		"sources: [{name: s, type: shopify, url: 'https://x', "
		"api_version: v, token_file: t, page_size: 251, " E "}]\n",
		":4: sources[0].page_size: expected at most 250 with type "
		"shopify");
	refused(COLLECTIONS
		"sources: [{name: s, type: file, path: p, orgs: [], " E "}]\n",
		":4: sources[0].orgs: expected at least one org; without the "
		"key the source is everybody's");
}

static void parts_of_http_go_together(void **state)
{
#define HTTP COLLECTIONS "sources:\n  - {name: s, type: http, url: 'https://x',"
	(void)state;
	refused(HTTP " user: u, " E "}\n",
		":5: sources[0].password_file: expected user and "
		"password_file together");
	refused(HTTP " password_file: p, " E "}\n",
		":5: sources[0].user: expected user and password_file "
		"together");
	refused(HTTP " user: u, password_file: p, token_file: t, " E "}\n",
		":5: sources[0].token_header: expected the token's header, "
		"beside user and password_file");
	tb_config_destroy(good(HTTP " user: u, password_file: p, token_file: "
				    "t, token_header: X, " E "}\n"));
	refused(HTTP " token_header: X, " E "}\n",
		":5: sources[0].token_file: expected a file, beside "
		"token_header");
	refused(HTTP " paging: page, " E "}\n",
		":5: sources[0].page_param: expected a parameter with paging "
		"cursor or page, and none with another");
	refused(HTTP " paging: link, page_param: p, " E "}\n",
		":5: sources[0].page_param: expected a parameter with paging "
		"cursor or page, and none with another");
	refused(HTTP " paging: cursor, page_param: p, " E "}\n",
		":5: sources[0].cursor_field: expected a member with paging "
		"cursor, and none with another");
	refused(HTTP " cursor_field: c, " E "}\n",
		":5: sources[0].cursor_field: expected a member with paging "
		"cursor, and none with another");
}

static void names_are_unique_and_local_is_taken(void **state)
{
#define FILES "{name: s, type: file, path: /x, " E "}"
	(void)state;
	refused(COLLECTIONS "sources:\n  - " FILES "\n  - " FILES "\n",
		":6: sources[1].name: expected a name not given before");
	refused(COLLECTIONS "sources:\n  - {name: local, type: file, path: "
			    "/x, " E "}\n",
		":5: sources[0].name: expected another name than `local`, "
		"which is the org's own collections");
	refused(COLLECTIONS "sources:\n  - {name: 'a b', type: file, path: "
			    "/x, " E "}\n",
		":5: sources[0].name: expected letters, digits, -, _ and ., "
		"64 at most");
	refused(COLLECTIONS "sources:\n  - {name: s, type: ftp, path: /x, " E
			    "}\n",
		":5: sources[0].type: expected shopify, http, site or file");
	/* The org's own collections are not configured. */
	refused(COLLECTIONS "sources:\n  - {name: s, type: local, " E "}\n",
		":5: sources[0].type: expected shopify, http, site or file");
	refused(COLLECTIONS "sources: 17\n",
		":4: sources: expected a list of at most 256");
	refused(COLLECTIONS "sources: [17]\n",
		":4: sources[0]: expected names and values");
}

/* An entity of a source of this type, on line 6. */
static void refused_entity(const char *type, const char *entity,
			   const char *expected)
{
	const char *base =
		!strcmp(type, "file")   ? "path: /x"
		: !strcmp(type, "site") ? "url: 'https://x', user: u, "
					  "password_file: p"
		: !strcmp(type, "http") ? "url: 'https://x'"
					: "url: 'https://x', api_version: v, "
					  "token_file: t";
	char text[1024];
	char full[512];

	snprintf(text, sizeof(text),
		 COLLECTIONS "sources:\n  - {name: s, type: %s, %s, entities: "
			     "[\n    %s]}\n",
		 type, base, entity);
	snprintf(full, sizeof(full), ":6: sources[0].entities[0].%s", expected);
	refused(text, full);
}

static void mistakes_in_entities_are_refused(void **state)
{
	(void)state;
	refused_entity("http", "{collection: product}",
		       "name: expected letters, digits, -, _ and ., 64 at "
		       "most");
	refused_entity("http", "{name: e}",
		       "collection: expected a collection that is declared");
	refused_entity("http", "{name: e, collection: nothing}",
		       "collection: expected a collection that is declared");
	refused_entity("http", "{name: e, collection: product, key: ''}",
		       "key: expected a name");
	refused_entity("http",
		       "{name: e, collection: product, deleted_value: x}",
		       "deleted_field: expected a member, beside "
		       "deleted_value");
	refused_entity("http",
		       "{name: e, collection: product, on_delete: keep}",
		       "on_delete: expected delete or ignore");
	refused_entity("http", "{name: e, collection: product, format: csv}",
		       "format: expected none with type http");
	refused_entity("file", "{name: e, collection: product, items: x}",
		       "items: expected none with type file");
	refused_entity("site", "{name: e, collection: product, total: x}",
		       "total: expected none with type site");
	refused_entity("shopify", "{name: e, collection: product, format: csv}",
		       "format: expected none with type shopify");
	refused_entity("file", "{name: e, collection: product, format: xml}",
		       "format: expected ndjson or csv");
	refused_entity("file", "{name: e, collection: product, path: a.txt}",
		       "format: expected ndjson or csv, where the file's name "
		       "does not end so");
	refused_entity("http", "{name: e, collection: product, colour: red}",
		       "colour: expected a known key");
}

static void paths_do_not_lead_out(void **state)
{
	static const char *const files[] = { "../a.csv",   "a/../../b.csv",
					     "/etc/a.csv", "a/..",
					     "..",         "a/",
					     "a//b.csv",   "./a.csv" };
	static const char *const urls[] = { "../a",     "/a",
					    "a/../b",   "a b",
					    "'a#b'",    "'%2e%2e/a'",
					    "a/.%2E/b", "'a/%2e.?q=1'" };
	char entity[128];

	(void)state;
	for (size_t i = 0; i < TB_ARRAY_LEN(files); i++) {
		snprintf(entity, sizeof(entity),
			 "{name: e, collection: product, path: %s}", files[i]);
		refused_entity("file", entity,
			       "path: expected a file below the source's path, "
			       "without `..` in it");
	}
	for (size_t i = 0; i < TB_ARRAY_LEN(urls); i++) {
		snprintf(entity, sizeof(entity),
			 "{name: e, collection: product, path: %s}", urls[i]);
		refused_entity("http", entity,
			       "path: expected a path below url, without a "
			       "slash at its beginning and `..`");
	}
	refused(COLLECTIONS "sources: [{name: s, type: file, path: /a/../b, " E
			    "}]\n",
		":4: sources[0].path: expected a folder, without `..` in it");
}

static void renames_are_checked(void **state)
{
#define RENAMES(list) "{name: e, collection: product, renames: [" list "]}"
	(void)state;
	refused_entity("http", RENAMES("{from: a}"),
		       "renames[0].to: expected from and to together");
	refused_entity("http", RENAMES("{to: a}"),
		       "renames[0].from: expected from and to together");
	refused_entity("http", RENAMES("{from: a, to: b}, {from: a, to: c}"),
		       "renames[1].from: expected a member not given before");
	refused_entity("http", RENAMES("{from: a, to: c}, {from: b, to: c}"),
		       "renames[1].to: expected a name not given before");
	refused_entity("http", "{name: e, collection: product, renames: x}",
		       "renames: expected a list");
}

static void entities_are_bounded_and_differ(void **state)
{
	char text[16 * 1024];
	size_t n;

	(void)state;
	refused(COLLECTIONS "sources: [{name: s, type: file, path: /x, "
			    "entities: [{name: e, collection: product},\n"
			    "{name: e, collection: order}]}]\n",
		":5: sources[0].entities[1].name: expected a name not given "
		"before");
	for (size_t max = 64; max <= 65; max++) {
		n = (size_t)snprintf(text, sizeof(text),
				     COLLECTIONS "sources: [{name: s, type: "
						 "file, path: /x, entities: [");
		for (size_t i = 0; i < max; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s{name: e%zu, collection: "
					      "product}",
					      i ? ", " : "", i);
		snprintf(text + n, sizeof(text) - n, "]}]\n");
		if (max == 64)
			tb_config_destroy(good(text));
	}
	refused(text, ":4: sources[0].entities: expected at most 64");
}

/* Collections with a mistake in them are not all known: whether an entity's is
 * there cannot be said. */
static void mistakes_in_collections_are_reported_alone(void **state)
{
	(void)state;
	refused("sources: [{name: s, type: file, path: /x, entities: [{name: "
		"e, collection: nothing}]}]\n"
		"collections: [{name: a, route: nowhere}]\n",
		":2: collections[0].route: expected central, store or parent");
}

static void without_memory_nothing_is_loaded(void **state)
{
	struct reports reports;
	struct tb_config *config;
	enum tb_err err;
	uint64_t n = 0;

	(void)state;
	do {
		tb_alloc_fail_at(++n);
		err = load(all, &reports, &config);
		tb_alloc_fail_at(0);
		assert_true(err == TB_OK || err == TB_ERR_NOMEM);
		assert_int_equal(reports.n, 0);
	} while (err);
	assert_true(n > 1);
	assert_int_equal(config->sources.n, 4);
	tb_config_destroy(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types_are_read),
		cmocka_unit_test(entities_of_all_types_are_read),
		cmocka_unit_test(without_any_there_are_none),
		cmocka_unit_test(all_connectors_types_are_known),
		cmocka_unit_test(what_is_shown_reads_back_to_the_same),
		cmocka_unit_test(a_change_needs_a_restart),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(what_a_source_must_have_is_asked_for),
		cmocka_unit_test(keys_of_other_types_are_refused),
		cmocka_unit_test(ranges_are_held),
		cmocka_unit_test(parts_of_http_go_together),
		cmocka_unit_test(names_are_unique_and_local_is_taken),
		cmocka_unit_test(mistakes_in_entities_are_refused),
		cmocka_unit_test(paths_do_not_lead_out),
		cmocka_unit_test(renames_are_checked),
		cmocka_unit_test(entities_are_bounded_and_differ),
		cmocka_unit_test(mistakes_in_collections_are_reported_alone),
		cmocka_unit_test(without_memory_nothing_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
