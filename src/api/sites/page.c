#include "api/sites/page.h"

#include "base/assert.h"
#include "codec/json.h"

/* No row is larger: the reader of what was pushed takes no more. */
#define ROW_MAX_BYTES ((size_t)4 << 30)
/* What a table's name and an id can become, each character an escape. */
#define NAME_MAX_BYTES ((size_t)64 << 10)
/* What a row has beside prefix, id and data. */
#define ROW_FIXED_BYTES 128
#define DIGITS_MAX 20

/* What stands in front of each part of a row, in the order of the parts. The
 * sequence comes first or behind the action. */
struct form {
	struct tb_str count;  /* of the page; p NULL: it has none */
	struct tb_str after;  /* the page's rows */
	struct tb_str lead;   /* p NULL: the sequence comes later */
	struct tb_str origin; /* p NULL: not shown */
	struct tb_str table;
	struct tb_str id;
	struct tb_str behind_id[TB_DELIVER_HOLE]; /* by the action */
	struct tb_str data; /* behind a sequence that came later */
};

static const struct form forms[TB_PAGE_FORMS] = {
	[TB_PAGE_PLAIN] = {
		.after = TB_STR_INIT("]"),
		.origin = TB_STR_INIT("{\"site_id\":\""),
		.table = TB_STR_INIT("\",\"table\":\""),
		.id = TB_STR_INIT("\",\"recordID\":\""),
		.behind_id = {
			TB_STR_INIT("\",\"action\":\"insert\",\"sequence\":\""),
			TB_STR_INIT("\",\"action\":\"update\",\"sequence\":\""),
			TB_STR_INIT("\",\"action\":\"delete\",\"sequence\":\""),
		},
		.data = TB_STR_INIT("\",\"data\":"),
	},
	[TB_PAGE_QUEUE] = {
		.count = TB_STR_INIT("{\"queueLength\":"),
		.after = TB_STR_INIT("]}"),
		.lead = TB_STR_INIT("{\"syncOutId\":\""),
		.table = TB_STR_INIT("\",\"tableName\":\""),
		.id = TB_STR_INIT("\",\"recordId\":\""),
		.behind_id = {
			TB_STR_INIT("\",\"action\":\"insert\",\"recordData\":"),
			TB_STR_INIT("\",\"action\":\"update\",\"recordData\":"),
			TB_STR_INIT("\",\"action\":\"delete\",\"recordData\":"),
		},
	},
	[TB_PAGE_CENTRAL] = {
		.count = TB_STR_INIT("{\"maxCursor\":"),
		.after = TB_STR_INIT("]}"),
		.lead = TB_STR_INIT("{\"ID\":"),
		.table = TB_STR_INIT(",\"tableName\":\""),
		.id = TB_STR_INIT("\",\"recordId\":\""),
		.behind_id = {
			TB_STR_INIT("\",\"action\":\"insert\",\"recordData\":"),
			TB_STR_INIT("\",\"action\":\"update\",\"recordData\":"),
			TB_STR_INIT("\",\"action\":\"delete\",\"recordData\":"),
		},
	},
};

void tb_page_init(struct tb_page *page, const struct tb_page_options *options)
{
	*page = (struct tb_page) { .options = *options };
	tb_buf_init(&page->buf, options->max_bytes + ROW_MAX_BYTES);
	tb_buf_init(&page->escaped, NAME_MAX_BYTES);
	for (size_t i = 0; i < TB_PAGE_PREFIXES; i++)
		tb_buf_init(&page->prefixes[i].bytes, 3 * NAME_MAX_BYTES);
}

void tb_page_fini(struct tb_page *page)
{
	tb_buf_fini(&page->buf);
	tb_buf_fini(&page->escaped);
	for (size_t i = 0; i < TB_PAGE_PREFIXES; i++)
		tb_buf_fini(&page->prefixes[i].bytes);
}

static bool spoil(struct tb_page *page, enum tb_err err)
{
	page->buf.err = err;
	return false;
}

/* True if the text can stand in a JSON string as it is. */
static bool is_clean(struct tb_str s)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		found |= (c < 0x20) | (c == '"') | (c == '\\');
	}
	return !found;
}

/* The text as it stands between quotes; borrowed until the next call. */
static struct tb_str escape(struct tb_page *page, struct tb_str s)
{
	struct tb_buf *buf = &page->escaped;

	if (is_clean(s))
		return s;
	tb_buf_reset(buf);
	tb_json_put_string(buf, s);
	if (tb_buf_err(buf)) {
		spoil(page, tb_buf_err(buf));
		return TB_STR("");
	}
	return tb_str(buf->p + 1, buf->n - 2);
}

static char *put(char *at, struct tb_str s)
{
	memcpy(at, s.p, s.n);
	return at + s.n;
}

static char *put_number(char *at, uint64_t v)
{
	char digits[DIGITS_MAX];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return put(at, tb_str(digits + i, sizeof(digits) - i));
}

static uint32_t origin_shown(const struct tb_page *page, uint32_t origin)
{
	return origin == TB_ORIGIN_CENTRE ? page->options.central_site_id
					  : origin;
}

static bool fill_prefix(struct tb_page *page, struct tb_page_prefix *prefix,
			const struct tb_delivery *row)
{
	const struct form *form = &forms[page->options.form];
	struct tb_buf *buf = &prefix->bytes;

	tb_buf_reset(buf);
	tb_buf_append_str(buf, row->table);
	if (form->origin.p) {
		tb_buf_append_str(buf, form->origin);
		tb_buf_append_u64(buf, origin_shown(page, row->origin));
	}
	tb_buf_append_str(buf, form->table);
	tb_buf_append_str(buf, escape(page, row->table));
	tb_buf_append_str(buf, form->id);
	prefix->table_bytes = row->table.n;
	prefix->origin = row->origin;
	return !tb_buf_err(buf) || spoil(page, tb_buf_err(buf));
}

static struct tb_str prefix_text(const struct tb_page_prefix *prefix)
{
	return tb_str(prefix->bytes.p + prefix->table_bytes,
		      prefix->bytes.n - prefix->table_bytes);
}

/* The prefix of the row's table and origin; p NULL: the page is spoiled. */
static struct tb_str prefix_of(struct tb_page *page,
			       const struct tb_delivery *row)
{
	struct tb_page_prefix *prefix;

	for (size_t i = 0; i < TB_PAGE_PREFIXES; i++) {
		prefix = &page->prefixes[i];
		if (prefix->bytes.n > 0 && prefix->origin == row->origin &&
		    tb_str_eq(tb_str(prefix->bytes.p, prefix->table_bytes),
			      row->table))
			return prefix_text(prefix);
	}
	prefix = &page->prefixes[page->next_prefix];
	page->next_prefix = (page->next_prefix + 1) % TB_PAGE_PREFIXES;
	if (!fill_prefix(page, prefix, row))
		return TB_STR_NONE;
	return prefix_text(prefix);
}

/* Room for a row of at most `bytes`; NULL: it does not fit. */
static char *begin_row(struct tb_page *page, size_t bytes)
{
	if (page->n > 0 && (bytes > page->options.max_bytes ||
			    page->buf.n > page->options.max_bytes - bytes)) {
		page->is_cut = true;
		return NULL;
	}
	return tb_buf_reserve(&page->buf, bytes);
}

static bool end_row(struct tb_page *page, const char *end)
{
	page->buf.n = (size_t)(end - page->buf.p);
	page->n++;
	return true;
}

/* Contract: "its old number becomes a hole, answered as
 * {"site_id","sequence","data":"none"}". */
static bool take_hole(struct tb_page *page, uint64_t sequence)
{
	char *at = begin_row(page, ROW_FIXED_BYTES);

	TB_ASSERT(page->options.form == TB_PAGE_PLAIN);
	if (!at)
		return false;
	*at++ = page->n > 0 ? ',' : '[';
	at = put(at, TB_STR("{\"site_id\":\""));
	at = put_number(at, page->options.central_site_id);
	at = put(at, TB_STR("\",\"sequence\":\""));
	at = put_number(at, sequence);
	at = put(at, TB_STR("\",\"data\":\"none\"}"));
	return end_row(page, at);
}

bool tb_page_take(void *ctx, const struct tb_delivery *row)
{
	struct tb_page *page = ctx;
	const struct form *form = &forms[page->options.form];
	struct tb_str prefix, id;
	char *at;

	if (row->action == TB_DELIVER_HOLE)
		return take_hole(page, row->sequence);
	prefix = prefix_of(page, row);
	id = escape(page, row->id);
	if (tb_buf_err(&page->buf))
		return false;
	at = begin_row(page, prefix.n + id.n + row->data.n + ROW_FIXED_BYTES);
	if (!at)
		return false;
	*at++ = page->n > 0 ? ',' : '[';
	if (form->lead.p)
		at = put_number(put(at, form->lead), row->sequence);
	at = put(at, prefix);
	at = put(at, id);
	at = put(at, form->behind_id[row->action]);
	if (!form->lead.p)
		at = put(put_number(at, row->sequence), form->data);
	at = put(at, row->data);
	*at++ = '}';
	return end_row(page, at);
}

/* Puts text in front of what is there. */
static void prepend(struct tb_buf *buf, struct tb_str text)
{
	if (!tb_buf_reserve(buf, text.n))
		return;
	memmove(buf->p + text.n, buf->p, buf->n);
	memcpy(buf->p, text.p, text.n);
	buf->n += text.n;
}

enum tb_err tb_page_finish(struct tb_page *page, uint64_t count)
{
	const struct form *form = &forms[page->options.form];
	char head[ROW_FIXED_BYTES];
	char *at = head;

	if (page->n == 0)
		tb_buf_append_char(&page->buf, '[');
	if (form->count.p) {
		at = put_number(put(at, form->count), count);
		at = put(at, TB_STR(",\"data\":"));
		prepend(&page->buf, tb_str(head, (size_t)(at - head)));
	}
	tb_buf_append_str(&page->buf, form->after);
	return tb_buf_err(&page->buf);
}
