/*
 * The sources and targets of jobs as YAML: read from a configuration, and
 * written for `config show` in the form in which they are read.
 */
#ifndef TB_APP_CONFIG_SOURCES_H
#define TB_APP_CONFIG_SOURCES_H

#include "app/config_read.h"
#include "jobs/source.h"
#include "kernel/declaration.h"

/* Reads the value of `sources`, whose records are those of the collections that
 * are declared; NULL: these are not known, because there are mistakes in them.
 * Mistakes are reported by the reader; NOMEM is the only error. What is read
 * lives in the reader's arena. */
enum tb_err tb_config_read_sources(struct tb_config_reader *reader,
				   const yaml_node_t *node,
				   const struct tb_declaration *declaration,
				   struct tb_sources *ret) tb_must_check;

void tb_config_put_sources(struct tb_buf *buf,
			   const struct tb_sources *sources);

/* Names, as they stand in the file. */
extern const char *const tb_config_pagings[];      /* enum tb_source_paging */
extern const char *const tb_config_file_formats[]; /* enum tb_file_format,
						    * without the first one */
extern const char *const tb_config_on_deletes[];   /* enum tb_on_delete */

#endif
