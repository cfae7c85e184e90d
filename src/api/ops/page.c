#include "api/ops/page.h"

#include "api/ops/demo.h"

#define LINE_MAX_BYTES 4096

static const char head[] =
	"<!doctype html>\n<html lang=\"en\">\n<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<title>Tombolo</title>\n<style>\n"
	"body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;"
	"margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\n"
	"table{border-collapse:collapse}\n"
	"th,td{text-align:left;padding:.3rem .8rem;"
	"border-bottom:1px solid #bbb}\n"
	"pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f2f2f2;"
	"padding:.6rem}\n"
	"a{color:#0645ad}\n</style>\n</head>\n<body>\n<main>\n"
	"<h1>Tombolo</h1>\n"
	"<p>A sync server for sites on bad links. "
	"Version " TB_VERSION ".</p>\n";

static const char demo_head[] =
	"<p><strong>This is the demo.</strong> It listens on this machine "
	"only, and its passwords are public: put nothing real into it.</p>\n"
	"<h2 id=\"accounts\">Accounts</h2>\n"
	"<table aria-labelledby=\"accounts\">\n<thead><tr>"
	"<th scope=\"col\">Who</th><th scope=\"col\">Name</th>"
	"<th scope=\"col\">Password</th></tr></thead>\n<tbody>\n";

static const char links[] =
	"<h2>Links</h2>\n"
	"<p>The browser asks for a name and a password: a site's.</p>\n<ul>\n"
	"<li><a href=\"/sync/v5/central_records?cursor=0&amp;limit=100\">"
	"Central records</a></li>\n"
	"<li><a href=\"/sync/v5/queued_records?limit=100\">"
	"What waits for the site</a></li>\n"
	"<li><a href=\"/sync/v5/status\">How the site stands</a></li>\n"
	"</ul>\n";

void tb_ops_put_escaped(struct tb_buf *buf, struct tb_str text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '&':
			tb_buf_append_z(buf, "&amp;");
			break;
		case '<':
			tb_buf_append_z(buf, "&lt;");
			break;
		case '>':
			tb_buf_append_z(buf, "&gt;");
			break;
		case '"':
			tb_buf_append_z(buf, "&quot;");
			break;
		case '\'':
			tb_buf_append_z(buf, "&#39;");
			break;
		default:
			tb_buf_append_char(buf, text.p[i]);
		}
	}
}

static void put_cell(struct tb_buf *buf, const char *text)
{
	tb_buf_append_z(buf, "<td>");
	tb_ops_put_escaped(buf, tb_str_z(text));
	tb_buf_append_z(buf, "</td>");
}

static void put_accounts(struct tb_buf *buf)
{
	tb_buf_append_z(buf, demo_head);
	for (size_t i = 0; i < tb_demo_accounts_count; i++) {
		tb_buf_append_z(buf, "<tr>");
		put_cell(buf, tb_demo_accounts[i].what);
		put_cell(buf, tb_demo_accounts[i].username);
		put_cell(buf, tb_demo_accounts[i].password);
		tb_buf_append_z(buf, "</tr>\n");
	}
	tb_buf_append_z(buf, "</tbody>\n</table>\n");
}

static void put_lines(struct tb_buf *buf, struct tb_str base)
{
	struct tb_buf line;

	tb_buf_init(&line, LINE_MAX_BYTES);
	tb_buf_append_z(buf, "<h2>To try</h2>\n");
	for (size_t i = 0; i < tb_demo_lines_count; i++) {
		tb_buf_reset(&line);
		tb_demo_put_line(&line, &tb_demo_lines[i], base);
		tb_buf_append_z(buf, "<p>");
		tb_ops_put_escaped(buf, tb_str_z(tb_demo_lines[i].what));
		tb_buf_append_z(buf, ":</p>\n<pre><code>");
		tb_ops_put_escaped(buf, tb_buf_str(&line));
		tb_buf_append_z(buf, "</code></pre>\n");
	}
	tb_buf_fini(&line);
}

void tb_ops_put_page(struct tb_buf *buf, struct tb_str base, bool is_demo)
{
	tb_buf_append_z(buf, head);
	if (is_demo) {
		put_accounts(buf);
		tb_buf_append_z(buf, links);
		put_lines(buf, base);
	}
	tb_buf_append_z(buf, "</main>\n</body>\n</html>\n");
}
