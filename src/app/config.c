#include "app/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/config_declaration.h"
#include "app/config_read.h"
#include "app/config_sources.h"
#include "app/settings.h"
#include "base/alloc.h"
#include "base/assert.h"

#define CONFIG_MAX_BYTES (64ull * 1024 * 1024)
#define VARIABLE_MAX_BYTES 256
#define VALUE_MAX_BYTES (64 * 1024)

/* A key of a section, or of the top when `section` is empty. */
static void read_setting(struct tb_config_reader *reader,
			 struct tb_config *config, struct tb_str section,
			 const struct tb_config_pair *pair)
{
	const char *label =
		tb_config_label(reader, "%.*s%s%.*s", TB_STR_ARG(section),
				section.n ? "." : "", TB_STR_ARG(pair->key));
	const struct tb_setting *setting;
	void *options;

	if (tb_settings_locate(config, section, pair->key, &setting, &options))
		tb_config_fail(reader, pair->key_node,
			       "%s: expected a known setting (`tombolo config "
			       "show` lists them)",
			       label);
	else
		tb_config_read_value(reader, label, setting, options,
				     pair->value);
}

static void read_section(struct tb_config_reader *reader,
			 struct tb_config *config,
			 const struct tb_config_pair *section)
{
	struct tb_config_pair pair;
	size_t i = 0;

	if (section->value->type != YAML_MAPPING_NODE) {
		tb_config_fail(reader, section->value,
			       "%.*s: expected settings below it",
			       TB_STR_ARG(section->key));
		return;
	}
	while (tb_config_next_pair(reader, section->value, &i, &pair))
		read_setting(reader, config, section->key, &pair);
}

static enum tb_err read_collections(struct tb_config_reader *reader,
				    struct tb_config *config,
				    const yaml_node_t *node)
{
	struct tb_str path;
	enum tb_err err =
		tb_config_read_declaration(reader, node, &config->declaration);

	/* What is adopted later stands where it was declared first. */
	if (err || config->declared_in)
		return err;
	err = tb_arena_printf(config->arena, &path, "%s", reader->path);
	if (err)
		return err;
	config->declared_in = path.p;
	config->declared_lines = reader->collection_lines;
	return TB_OK;
}

/* Collections with mistakes in them are not all there. */
static enum tb_err read_sources(struct tb_config_reader *reader,
				struct tb_config *config,
				const yaml_node_t *node)
{
	return tb_config_read_sources(
		reader, node,
		reader->n_failed == 0 ? &config->declaration : NULL,
		&config->sources);
}

static enum tb_err read_root(struct tb_config_reader *reader,
			     const yaml_node_t *root, void *ctx)
{
	struct tb_config *config = ctx;
	const yaml_node_t *sources = NULL;
	struct tb_config_pair pair;
	enum tb_err err;
	size_t i = 0;

	if (root->type != YAML_MAPPING_NODE) {
		tb_config_fail(reader, root, "expected settings");
		return TB_OK;
	}
	while (tb_config_next_pair(reader, root, &i, &pair)) {
		if (tb_str_eq(pair.key, TB_STR("collections"))) {
			err = read_collections(reader, config, pair.value);
			if (err)
				return err;
		} else if (tb_str_eq(pair.key, TB_STR("sources"))) {
			sources = pair.value;
		} else if (pair.key.n > 0 &&
			   tb_settings_has_section(config, pair.key)) {
			read_section(reader, config, &pair);
		} else {
			read_setting(reader, config, TB_STR_NONE, &pair);
		}
	}
	/* They name collections, wherever these stand. */
	return sources ? read_sources(reader, config, sources) : TB_OK;
}

static enum tb_err read_file(struct tb_config_reader *reader,
			     struct tb_config *config, const char *path)
{
	struct tb_config_input input = { .file = fopen(path, "re") };
	enum tb_err err;

	if (!input.file) {
		err = errno == ENOENT ? TB_ERR_NOT_FOUND : TB_ERR_IO;
		tb_config_fail(reader, NULL, "expected a readable file: %s",
			       strerror(errno));
		return err;
	}
	err = tb_config_parse(reader, &input, read_root, config);
	fclose(input.file);
	return err;
}

static enum tb_err read_preset(struct tb_config_reader *reader,
			       struct tb_config *config, struct tb_str text)
{
	struct tb_config_input input = { .text = text };

	reader->path = "the program";
	return tb_config_parse(reader, &input, read_root, config);
}

/* The value of a variable, p NULL when it is not set. */
static struct tb_str variable(const char *const *env, struct tb_str name)
{
	for (size_t i = 0; env && env[i]; i++) {
		struct tb_str rest = tb_str_z(env[i]);

		if (tb_str_eq(tb_str_cut(&rest, '='), name) && rest.p)
			return rest;
	}
	return TB_STR_NONE;
}

/* One setting from its variable, if that is set. */
static enum tb_err read_variable(struct tb_config_reader *reader,
				 const char *const *env,
				 const struct tb_settings_place *place,
				 const struct tb_setting *setting)
{
	struct tb_str value;
	struct tb_str z;
	struct tb_buf name;
	enum tb_err err;

	tb_buf_init(&name, VARIABLE_MAX_BYTES);
	tb_settings_put_variable(&name, place->settings, setting);
	err = tb_buf_copy_out(&name, reader->arena, &z);
	if (err)
		return err;
	value = variable(env, z);
	if (value.p)
		tb_config_read_text(reader, z.p, setting, place->options,
				    value);
	return TB_OK;
}

static enum tb_err read_environment(struct tb_config_reader *reader,
				    struct tb_config *config,
				    const char *const *env)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	size_t n = tb_settings_places(config, places);
	enum tb_err err = TB_OK;

	reader->path = "environment";
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < places[i].settings->n_rows; j++) {
			err = read_variable(reader, env, &places[i],
					    &places[i].settings->rows[j]);
			if (err)
				return err;
		}
	}
	return err;
}

/* An option of the same name as a setting at the top. */
static void read_option(struct tb_config_reader *reader,
			struct tb_config *config, const char *name,
			const char *value)
{
	const struct tb_setting *setting;
	enum tb_err err;
	void *options;

	if (!value)
		return;
	reader->path = "command line";
	err = tb_settings_locate(config, TB_STR_NONE, tb_str_z(name), &setting,
				 &options);
	TB_ASSERT(!err);
	tb_config_read_text(reader, name, setting, options, tb_str_z(value));
}

/* What follows from other settings. */
static void derive(struct tb_config *config)
{
	config->engine.at.path = config->program.data;
	config->engine.store =
		tb_store_find(tb_str_z(config->program.store_engine));
	config->declaration.refuse_unknown =
		!config->program.accept_unknown_tables;
	config->engine.declaration = &config->declaration;
}

static enum tb_err load(const struct tb_config_source *source,
			struct tb_config_reader *reader,
			struct tb_config *config)
{
	enum tb_err err = tb_settings_init(config);

	if (!err && source->preset.p)
		err = read_preset(reader, config, source->preset);
	reader->path = source->path;
	if (!err && source->path)
		err = read_file(reader, config, source->path);
	if (!err)
		err = read_environment(reader, config, source->env);
	if (err)
		return err;
	read_option(reader, config, "data", source->data);
	read_option(reader, config, "listen", source->listen);
	if (reader->nomem)
		return TB_ERR_NOMEM;
	if (reader->n_failed > 0)
		return TB_ERR_INVALID;
	derive(config);
	return TB_OK;
}

enum tb_err tb_config_load(const struct tb_config_source *source,
			   tb_config_report_fn *report, void *report_ctx,
			   struct tb_config **ret)
{
	struct tb_config_reader reader = {
		.report = report,
		.report_ctx = report_ctx,
	};
	struct tb_config *config = tb_calloc(1, sizeof(*config));
	enum tb_err err = TB_ERR_NOMEM;

	if (!config)
		return TB_ERR_NOMEM;
	config->arena = tb_arena_create(CONFIG_MAX_BYTES);
	reader.arena = config->arena;
	if (config->arena)
		err = load(source, &reader, config);
	if (err) {
		tb_config_destroy(config);
		return err;
	}
	*ret = config;
	return TB_OK;
}

const void *tb_config_api(const struct tb_config *config,
			  const struct tb_api_module *module)
{
	size_t i = 0;

	while (tb_api_modules[i] != module)
		i++;
	return config->api[i];
}

void tb_config_destroy(struct tb_config *config)
{
	if (!config)
		return;
	tb_arena_destroy(config->arena);
	tb_free(config);
}

/* ---- what another file says ---- */

/* True if a setting is what it is without anybody saying so. */
static enum tb_err has_default(struct tb_config *config, struct tb_str section,
			       const struct tb_setting *setting, bool *ret)
{
	struct tb_settings_place places[TB_SETTINGS_PLACES_MAX];
	size_t n = tb_settings_places(config, places);
	struct tb_buf texts[2];
	enum tb_err err;

	*ret = false;
	tb_buf_init(&texts[0], VALUE_MAX_BYTES);
	tb_buf_init(&texts[1], VALUE_MAX_BYTES);
	for (size_t i = 0; i < n; i++) {
		const struct tb_settings *settings = places[i].settings;

		if (!tb_str_eq(tb_str_z(settings->section), section) ||
		    tb_settings_find(settings, tb_str_z(setting->name)) !=
			    setting)
			continue;
		tb_setting_put_value(&texts[0], setting, places[i].options);
		tb_setting_put_value(&texts[1], setting, settings->defaults);
		*ret = tb_str_eq(tb_buf_str(&texts[0]), tb_buf_str(&texts[1]));
	}
	err = tb_buf_err(&texts[0]) ? tb_buf_err(&texts[0])
				    : tb_buf_err(&texts[1]);
	tb_buf_fini(&texts[0]);
	tb_buf_fini(&texts[1]);
	return err;
}

static enum tb_err adopt_section(struct tb_config_reader *reader,
				 struct tb_config *config,
				 const struct tb_config_pair *section)
{
	const struct tb_setting *setting;
	struct tb_config_pair pair;
	void *options;
	bool is_open;
	enum tb_err err = TB_OK;
	size_t i = 0;

	if (section->value->type != YAML_MAPPING_NODE)
		return TB_ERR_INVALID;
	while (!err && tb_config_next_pair(reader, section->value, &i, &pair)) {
		err = tb_settings_locate(config, section->key, pair.key,
					 &setting, &options);
		if (!err)
			err = has_default(config, section->key, setting,
					  &is_open);
		if (!err && is_open)
			read_setting(reader, config, section->key, &pair);
	}
	return err;
}

struct adopting {
	struct tb_config *config;
	struct tb_str section;
};

static enum tb_err adopt_root(struct tb_config_reader *reader,
			      const yaml_node_t *root, void *ctx)
{
	struct adopting *adopting = ctx;
	struct tb_config *config = adopting->config;
	struct tb_config_pair pair;
	enum tb_err err = TB_OK;
	size_t i = 0;

	if (root->type != YAML_MAPPING_NODE)
		return TB_ERR_INVALID;
	while (!err && tb_config_next_pair(reader, root, &i, &pair)) {
		if (tb_str_eq(pair.key, TB_STR("collections")))
			err = read_collections(reader, config, pair.value);
		else if (tb_str_eq(pair.key, adopting->section))
			err = adopt_section(reader, config, &pair);
	}
	return err;
}

static void report_to_nobody(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

enum tb_err tb_config_adopt(struct tb_config *config, struct tb_str text,
			    struct tb_str section)
{
	struct tb_config_input input = { .text = text };
	struct adopting adopting = { config, section };
	struct tb_config_reader reader = {
		.path = "the program",
		.arena = config->arena,
		.report = report_to_nobody,
	};
	enum tb_err err;

	err = tb_config_parse(&reader, &input, adopt_root, &adopting);
	if (!err && reader.nomem)
		err = TB_ERR_NOMEM;
	if (!err && reader.n_failed > 0)
		err = TB_ERR_INVALID;
	return err;
}
