/*
 * The page at `/`: what runs here and, in the demo, who may log in and what
 * to try. One self-contained HTML document, no scripts. Pure.
 */
#ifndef TB_API_OPS_PAGE_H
#define TB_API_OPS_PAGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* Appends the document. `base` is the address as the browser sees it
 * ("http://127.0.0.1:8000"); it comes from the request, so it is escaped. */
void tb_ops_put_page(struct tb_buf *buf, struct tb_str base, bool is_demo);

/* Appends text with the characters that mean something to HTML escaped. */
void tb_ops_put_escaped(struct tb_buf *buf, struct tb_str text);

#endif
