/*
 * Reading a mapping that stands in a list: its keys have rows in a table of
 * settings, but for those whose values are lists or mappings themselves, its
 * parts. Shared by the readers of the declaration; lives for one load.
 */
#ifndef TB_APP_CONFIG_ITEM_H
#define TB_APP_CONFIG_ITEM_H

#include <stdbool.h>

#include "api/setting.h"
#include "app/check.h"
#include "app/config_read.h"

/* Choices are this, texts NULL, until they are given. */
#define TB_CONFIG_NOT_GIVEN UINT32_MAX

/* Rows of items. */
#define TB_CONFIG_NAME(type, member)                                           \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_TEXT,                      \
		TB_SETTING_AT(type, member), .is_valid = tb_check_not_empty,   \
		.expected = "a name"                                           \
	}
#define TB_CONFIG_CHOICE(type, member, names)                                  \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_CHOICE,                    \
		TB_SETTING_AT(type, member), .choices = (names)                \
	}
#define TB_CONFIG_FLAG(type, member)                                           \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_FLAG,                      \
		TB_SETTING_AT(type, member)                                    \
	}
#define TB_CONFIG_NUMBER(type, member, lowest, highest)                        \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_NUMBER,                    \
		TB_SETTING_AT(type, member), .min = (lowest), .max = (highest) \
	}
#define TB_CONFIG_ROLES(type, member)                                          \
	{                                                                      \
		.name = #member, .kind = TB_SETTING_LIST,                      \
		TB_SETTING_AT(type, member), .is_valid = tb_check_not_empty,   \
		.expected = "a role"                                           \
	}
#define TB_CONFIG_TABLE(array)                                                 \
	{                                                                      \
		.section = "", .rows = (array), .n_rows = TB_ARRAY_LEN(array)  \
	}

/* One mapping in a list, while it is read. */
struct tb_config_item {
	struct tb_config_reader *reader;
	const yaml_node_t *node;
	const char *label; /* "collections[2].also[0]" */
};

/* A key whose value is a list or a mapping. */
struct tb_config_part {
	const char *key;
	yaml_node_type_t type;
	const yaml_node_t *node; /* NULL: not given */
};

/* A list's n-th item, and how mistakes in it are labelled. False behind the
 * last. */
bool tb_config_open_item(struct tb_config_reader *reader, const char *label,
			 const yaml_node_t *list, size_t n,
			 struct tb_config_item *ret);
/* The n-th item of a part that is a list; false also when there is none. */
bool tb_config_open_in(const struct tb_config_item *item, const char *key,
		       size_t n, struct tb_config_item *ret);
size_t tb_config_list_len(const yaml_node_t *list);

/* The place of a key of an item. */
const char *tb_config_key_label(const struct tb_config_item *item,
				struct tb_str key);
/* Reports a mistake on the line of a key, or of the item that lacks it. */
void tb_config_fail_key(const struct tb_config_item *item, const char *key,
			const char *expected);
/* True if the item gives the key. */
bool tb_config_has_key(const struct tb_config_item *item, const char *key);

/* Reads a mapping: keys that have a row go to `row`, parts to `parts`; any
 * other is a mistake. True if there was none. */
bool tb_config_read_item(const struct tb_config_item *item,
			 const struct tb_settings *settings, void *row,
			 struct tb_config_part *parts, size_t n_parts);

/* The texts of a NULL-ended list as slices in the arena. */
const struct tb_str *tb_config_slices(struct tb_config_reader *reader,
				      const char *const *list, size_t *ret_n);
/* Room for the items of a list. NULL, and reported or remembered, when they are
 * over `max` or there is no memory. */
void *tb_config_make_list(const struct tb_config_item *parent, const char *key,
			  const yaml_node_t *list, size_t max, size_t size);

#endif
