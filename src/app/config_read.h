/*
 * Reading a configuration file: libyaml's tree, and the reporting of mistakes
 * with the line they stand on. Shared by the readers of the settings and of
 * the declaration; lives for one load.
 */
#ifndef TB_APP_CONFIG_READ_H
#define TB_APP_CONFIG_READ_H

#include <stdbool.h>
#include <stdio.h>

#include <yaml.h>

#include "app/config.h"
#include "base/arena.h"

struct tb_config_reader {
	const char *path;
	yaml_document_t doc;
	struct tb_arena *arena;
	tb_config_report_fn *report;
	void *report_ctx;
	size_t n_failed; /* mistakes reported */
	bool nomem;
	const size_t *collection_lines; /* of the declaration that was read */
};

/* What is read: a file, or where that is NULL a text. */
struct tb_config_input {
	FILE *file;
	struct tb_str text;
};

/* Called with the root of the one document that the input must be; not for an
 * empty one, which says nothing, and that is no mistake. Mistakes in YAML are
 * reported; errors are the function's, or NOMEM. */
typedef enum tb_err tb_config_root_fn(struct tb_config_reader *reader,
				      const yaml_node_t *root, void *ctx);
enum tb_err tb_config_parse(struct tb_config_reader *reader,
			    const struct tb_config_input *input,
			    tb_config_root_fn *read_root,
			    void *ctx) tb_must_check;

/* Reports a mistake at a node (NULL: no line), in printf's way. */
void tb_config_fail(struct tb_config_reader *reader, const yaml_node_t *at,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Names a place in the file ("collections[2].route"), in printf's way; lives
 * in the arena. Never NULL. */
const char *tb_config_label(struct tb_config_reader *reader, const char *fmt,
			    ...) __attribute__((format(printf, 2, 3)));

/* Sets a value from a node, or from a text; mistakes are reported under the
 * label ("server.workers"), lack of memory is remembered in `nomem`. */
void tb_config_read_value(struct tb_config_reader *reader, const char *label,
			  const struct tb_setting *setting, void *options,
			  const yaml_node_t *value);
void tb_config_read_text(struct tb_config_reader *reader, const char *label,
			 const struct tb_setting *setting, void *options,
			 struct tb_str text);

/* The text of a scalar; false (no report) when it is none. Borrowed from the
 * tree. */
bool tb_config_scalar(const yaml_node_t *node, struct tb_str *ret);

/* Walks a mapping; `i` from 0. False behind the last pair. Keys that are no
 * text or were given before are reported and skipped. */
struct tb_config_pair {
	struct tb_str key;
	yaml_node_t *key_node;
	yaml_node_t *value;
};
bool tb_config_next_pair(struct tb_config_reader *reader,
			 const yaml_node_t *mapping, size_t *i,
			 struct tb_config_pair *ret);
/* The n-th item of a sequence, or NULL behind the last. */
yaml_node_t *tb_config_item(struct tb_config_reader *reader,
			    const yaml_node_t *sequence, size_t n);

#endif
