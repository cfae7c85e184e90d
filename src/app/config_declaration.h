/*
 * The declaration of collections as YAML: read from a configuration, and
 * written for `config show` in the form in which it is read.
 */
#ifndef TB_APP_CONFIG_DECLARATION_H
#define TB_APP_CONFIG_DECLARATION_H

#include "app/config_read.h"
#include "kernel/declaration.h"

/* Reads the value of `collections`. Mistakes are reported by the reader;
 * NOMEM is the only error. What is read lives in the reader's arena. */
enum tb_err
tb_config_read_declaration(struct tb_config_reader *reader,
			   const yaml_node_t *node,
			   struct tb_declaration *ret) tb_must_check;

/* Appends one collection as it would stand in the list; `with_docs`: together
 * with what only people read. */
void tb_config_put_collection(struct tb_buf *buf,
			      const struct tb_collection *collection,
			      bool with_docs);
/* Reads such a text alone: what it says of others is not checked, and what
 * follows is not worked out. INVALID: mistakes. What is read lives in the
 * arena. */
enum tb_err tb_config_parse_collection(struct tb_arena *arena,
				       struct tb_str text,
				       struct tb_collection *ret) tb_must_check;
void tb_config_put_declaration(struct tb_buf *buf,
			       const struct tb_declaration *declaration);

#endif
