/*
 * Rendering: rows of a queue or of the central feed as the JSON of a page, in
 * either dialect. A row is appended with one reservation, since pages are most
 * of what a server sends. Embedded by its owner, one thread. Pure.
 */
#ifndef TB_API_SITES_PAGE_H
#define TB_API_SITES_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kernel/delivery.h"

enum tb_page_form {
	TB_PAGE_PLAIN,   /* "site_id", "table", ... of queue and feed alike */
	TB_PAGE_QUEUE,   /* "syncOutId", "tableName", ... */
	TB_PAGE_CENTRAL, /* "ID", "tableName", ... */
	TB_PAGE_FORMS,
};

struct tb_page_options {
	enum tb_page_form form;
	uint32_t central_site_id; /* shown where the centre is the origin */
	size_t max_bytes;         /* one row always fits */
};

/* What the rows of one table and origin have in common in front of their id,
 * behind the table's name itself. */
struct tb_page_prefix {
	struct tb_buf bytes;
	size_t table_bytes;
	uint32_t origin;
};

#define TB_PAGE_PREFIXES 8

struct tb_page {
	struct tb_page_options options;
	struct tb_buf buf; /* the page; owned until it is taken over */
	size_t n;          /* rows in it */
	bool is_cut;       /* a row did not fit any more */
	struct tb_page_prefix prefixes[TB_PAGE_PREFIXES];
	size_t next_prefix; /* the one to be replaced */
	struct tb_buf escaped;
};

/* Allocates nothing yet. */
void tb_page_init(struct tb_page *page, const struct tb_page_options *options);
void tb_page_fini(struct tb_page *page);

/* Takes a row; a tb_delivery_fn with a page as its `ctx`. False: it did not
 * fit, or the page is spoiled. */
bool tb_page_take(void *page, const struct tb_delivery *row);

/* Puts around the rows what belongs there. `count`: what stands in front of
 * them, the length of the queue or the greatest cursor; not shown in the plain
 * form. OK, or what was met on the way. */
enum tb_err tb_page_finish(struct tb_page *page, uint64_t count) tb_must_check;

#endif
