/*
 * Collections as they are declared: what is read is shown, and what is shown is
 * read back to the same, all of them together and each alone.
 */
#include "fuzz.h"

#include "app/config.h"
#include "app/config_declaration.h"

#define TEXT_MAX_BYTES ((size_t)1 << 26)

static void report(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static struct tb_config *make_config(void)
{
	struct tb_config_source source = { .path = NULL };
	struct tb_config *config;

	TB_ASSERT(!tb_config_load(&source, report, NULL, &config));
	return config;
}

static void put(struct tb_buf *buf, const struct tb_config *config)
{
	tb_buf_init(buf, TEXT_MAX_BYTES);
	tb_config_put_declaration(buf, &config->declaration);
	TB_ASSERT(!tb_buf_err(buf));
}

static void check_alone(struct tb_arena *arena,
			const struct tb_collection *collection)
{
	struct tb_collection again;
	struct tb_buf text;

	tb_buf_init(&text, TEXT_MAX_BYTES);
	tb_config_put_collection(&text, collection, false);
	TB_ASSERT(
		!tb_config_parse_collection(arena, tb_buf_str(&text), &again));
	TB_ASSERT(tb_str_eq(again.name, collection->name));
	TB_ASSERT(again.n_fields == collection->n_fields);
	tb_buf_fini(&text);
}

static void check(const struct tb_config *config)
{
	struct tb_config *again = make_config();
	struct tb_buf first;
	struct tb_buf second;

	put(&first, config);
	TB_ASSERT(!tb_config_adopt(again, tb_buf_str(&first), TB_STR_NONE));
	put(&second, again);
	TB_ASSERT(tb_str_eq(tb_buf_str(&first), tb_buf_str(&second)));
	for (size_t i = 0; i < config->declaration.n_collections; i++)
		check_alone(again->arena, &config->declaration.collections[i]);
	tb_buf_fini(&first);
	tb_buf_fini(&second);
	tb_config_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tb_config *config = make_config();

	if (!tb_config_adopt(config, tb_str((const char *)data, size),
			     TB_STR("resources")))
		check(config);
	tb_config_destroy(config);
	return 0;
}
