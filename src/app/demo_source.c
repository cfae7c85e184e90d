#include "app/demo_source.h"

#include <unistd.h>

#include "app/file.h"
#include "base/assert.h"

#define TOKEN_NAME "shop.token"

#define ENTITY(word)                                                           \
	{                                                                      \
		.name = TB_STR_INIT(word), .collection = TB_STR_INIT(word),    \
		.key = TB_STR_INIT("id"), .path = TB_STR_INIT(word)            \
	}
static const struct tb_source_entity entities[] = {
	ENTITY("products"),
	ENTITY("customers"),
	ENTITY("orders"),
};

static bool is_wanted(const struct tb_config *config)
{
	for (size_t i = 0; i < config->sources.n; i++)
		if (tb_str_eq(config->sources.list[i].name, TB_STR("shopify")))
			return false;
	for (size_t i = 0; i < TB_ARRAY_LEN(entities); i++)
		if (!tb_declaration_find(&config->declaration,
					 entities[i].collection))
			return false;
	return true;
}

static enum tb_err make_token_path(const struct tb_config *config,
				   struct tb_str *ret)
{
	return tb_arena_printf(config->arena, ret, "%s/" TOKEN_NAME,
			       config->program.data);
}

enum tb_err tb_demo_add_source(struct tb_config *config, const char *url)
{
	size_t n = config->sources.n;
	struct tb_source *list;
	struct tb_str token_file;
	enum tb_err err;

	if (!is_wanted(config))
		return TB_OK;
	list = tb_arena_calloc(config->arena, n + 1, sizeof(*list));
	err = list ? make_token_path(config, &token_file) : TB_ERR_NOMEM;
	if (err)
		return err;
	if (n > 0)
		memcpy(list, config->sources.list, n * sizeof(*list));
	list[n] = (struct tb_source) {
		.name = TB_STR("shopify"),
		.type = "shopify",
		.url = url,
		.token_file = token_file.p,
		.api_version = "2024-01",
		.timeout_s = 30,
		.page_max_bytes = 32 << 20,
		.page_size = 250,
		.entities = entities,
		.n_entities = TB_ARRAY_LEN(entities),
	};
	config->sources = (struct tb_sources) { .list = list, .n = n + 1 };
	return TB_OK;
}

/* Anew, because an earlier start may have been cut short. */
static enum tb_err write_token(struct tb_config *config)
{
	struct tb_str path;
	enum tb_err err = make_token_path(config, &path);
	int fd;

	if (err)
		return err;
	(void)unlink(path.p);
	err = tb_file_create(path.p, &fd);
	if (err)
		return err;
	err = tb_file_write(fd, TB_STR(TB_DEMO_SHOP_TOKEN "\n"));
	close(fd);
	return err;
}

enum tb_err tb_demo_start_shop(struct tb_config *config,
			       struct tb_demo_shop **ret)
{
	static const struct tb_demo_shop_options options = {
		.listen = "127.0.0.1:0",
		.products = TB_DEMO_SHOP_PRODUCTS,
		.token = TB_STR_INIT(TB_DEMO_SHOP_TOKEN),
	};
	enum tb_err err = write_token(config);

	return err ? err : tb_demo_shop_start(&options, ret);
}
