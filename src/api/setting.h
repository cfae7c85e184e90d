/*
 * Settings as tables: a row says what a setting is called, where its value
 * lives in an options struct, what it may be and what it is for. The reader
 * of the configuration, `config show` and its comments are all made from the
 * same rows. Pure; values that are text live in the arena of the reader.
 */
#ifndef TB_API_SETTING_H
#define TB_API_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum tb_setting_kind {
	TB_SETTING_NUMBER, /* uint32_t or uint64_t, as `width` says */
	TB_SETTING_FLAG,   /* bool */
	TB_SETTING_CHOICE, /* unsigned: the index in `choices` */
	TB_SETTING_TEXT,   /* const char * */
	TB_SETTING_LIST,   /* const char *const *, NULL-ended */
};

#define TB_SETTING_LIST_MAX 64

struct tb_setting {
	const char *name;
	enum tb_setting_kind kind;
	size_t offset;              /* in the options struct */
	size_t width;               /* NUMBER: bytes of the member */
	uint64_t min;               /* NUMBER */
	uint64_t max;               /* NUMBER */
	const char *const *choices; /* CHOICE: names, NULL-ended */
	/* TEXT, items of a LIST: what is taken (NULL: anything), and how that
	 * is said, in any case ("an address as HOST:PORT"). */
	bool (*is_valid)(struct tb_str value);
	const char *expected;
	bool is_reloadable; /* HUP changes it in a running server */
	const char *doc;    /* one or two lines, without a line end */
};

/* A section of the configuration. Several tables may share a section. */
struct tb_settings {
	const char *section; /* "": the top of the file */
	const struct tb_setting *rows;
	size_t n_rows;
	const void *defaults; /* an options struct with every default in it */
	size_t size;          /* of the options struct */
};

/* For the rows: where a member is and how wide. */
#define TB_SETTING_AT(type, member)                                            \
	.offset = offsetof(type, member),                                      \
	.width = sizeof(((type *)NULL)->member)

/* The row of this name, or NULL. */
const struct tb_setting *tb_settings_find(const struct tb_settings *settings,
					  struct tb_str name);

/* Sets a value from text. All kinds but LIST take exactly one item. INVALID:
 * not what tb_setting_put_expected says. */
enum tb_err tb_setting_set(const struct tb_setting *setting, void *options,
			   struct tb_arena *arena, const struct tb_str *items,
			   size_t n_items) tb_must_check;
/* The same from the environment: the items of a LIST stand between commas. */
enum tb_err tb_setting_set_text(const struct tb_setting *setting, void *options,
				struct tb_arena *arena,
				struct tb_str text) tb_must_check;

/* Appends what a good value is: "a whole number from 1 to 1024". */
void tb_setting_put_expected(struct tb_buf *buf,
			     const struct tb_setting *setting);
/* Appends the value as YAML. */
void tb_setting_put_value(struct tb_buf *buf, const struct tb_setting *setting,
			  const void *options);

#endif
