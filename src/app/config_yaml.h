/*
 * Writing lists of the configuration as YAML, in the form in which they are
 * read: keys on lines of their own in an item, and items on one line.
 */
#ifndef TB_APP_CONFIG_YAML_H
#define TB_APP_CONFIG_YAML_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* Before a key of an item of a list at the top, and before a mapping on one
 * line in a list of that item's. */
#define TB_CONFIG_KEY_INDENT "    "
#define TB_CONFIG_ITEM "      - {"

/* In quotes, whatever it holds. */
void tb_config_put_string(struct tb_buf *buf, struct tb_str s);

/* `before`, then `key: "value"`. */
void tb_config_put_pair(struct tb_buf *buf, const char *before, const char *key,
			struct tb_str value);
/* `, key: "value"`; nothing when p is NULL: it was not given. */
void tb_config_put_given(struct tb_buf *buf, const char *key,
			 struct tb_str value);
/* `before`, then `key: ["a", "b"]`; nothing when it is empty. */
void tb_config_put_list(struct tb_buf *buf, const char *before, const char *key,
			const struct tb_str *list, size_t n);

/* Lines of an item: a word as it is; a text, unless it was not given; a number,
 * unless it is 0. */
void tb_config_put_line(struct tb_buf *buf, const char *key, const char *value);
void tb_config_put_text(struct tb_buf *buf, const char *key,
			struct tb_str value);
void tb_config_put_number(struct tb_buf *buf, const char *key, uint64_t value);

#endif
