/*
 * Which tables of settings there are (the program's and each API's) and where
 * their values are in a configuration. Constant.
 */
#ifndef TB_APP_SETTINGS_H
#define TB_APP_SETTINGS_H

#include <stddef.h>

#include "api/setting.h"
#include "app/config.h"

/* A table and the struct in the configuration that it describes. */
struct tb_settings_place {
	const struct tb_settings *settings;
	void *options;
};

#define TB_SETTINGS_PLACES_MAX (16 + TB_API_MODULES_MAX)

/* The tables in the order in which they are shown; returns how many. */
size_t tb_settings_places(struct tb_config *config,
			  struct tb_settings_place *rets);

/* Gives every options struct its defaults; the APIs' are made in the arena. */
enum tb_err tb_settings_init(struct tb_config *config) tb_must_check;

/* The row of a key in a section, with the struct it belongs to. NOT_FOUND. */
enum tb_err tb_settings_locate(struct tb_config *config, struct tb_str section,
			       struct tb_str name,
			       const struct tb_setting **ret_setting,
			       void **ret_options) tb_must_check;
/* True if some table has this section. */
bool tb_settings_has_section(struct tb_config *config, struct tb_str section);

/* "server.workers", "data". */
void tb_settings_put_key(struct tb_buf *buf, const struct tb_settings *settings,
			 const struct tb_setting *setting);
/* "TOMBOLO_SERVER_WORKERS", "TOMBOLO_DATA". */
void tb_settings_put_variable(struct tb_buf *buf,
			      const struct tb_settings *settings,
			      const struct tb_setting *setting);

#endif
