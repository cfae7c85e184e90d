#include "app/config_declaration.h"

#include "app/config_collection.h"
#include "app/config_resource.h"

#define COLLECTIONS_MAX 4096

static const struct tb_collection *find(const struct tb_collection *collections,
					size_t n, struct tb_str name)
{
	for (size_t i = 0; i < n; i++) {
		if (name.n > 0 && tb_str_eq(collections[i].name, name))
			return &collections[i];
	}
	return NULL;
}

/* True if the parents of a collection end at one that has none. */
static bool ends(const struct tb_collection *collections, size_t n,
		 const struct tb_collection *collection)
{
	size_t steps = 0;

	while (collection && collection->routing == TB_ROUTING_PARENT) {
		if (++steps > n)
			return false;
		collection = find(collections, n, collection->parent);
	}
	return true;
}

/* Names are unique, parents exist, and nothing is its own ancestor. */
static void check_names(struct tb_config_reader *reader,
			const yaml_node_t *list,
			const struct tb_collection *collections, size_t n)
{
	struct tb_config_item item;

	for (size_t i = 0;
	     tb_config_open_item(reader, "collections", list, i, &item); i++) {
		if (find(collections, i, collections[i].name))
			tb_config_fail_key(&item, "name",
					   "a name not given before");
		if (collections[i].parent.n == 0)
			continue;
		if (!find(collections, n, collections[i].parent))
			tb_config_fail_key(&item, "parent",
					   "a collection that is declared");
		else if (!ends(collections, n, &collections[i]))
			tb_config_fail_key(&item, "parent",
					   "one that does not lead back here");
	}
}

static void check_resources(struct tb_config_reader *reader,
			    const yaml_node_t *list,
			    const struct tb_declaration *declaration)
{
	struct tb_config_item item;

	for (size_t i = 0;
	     tb_config_open_item(reader, "collections", list, i, &item); i++)
		tb_config_check_resource(&item, declaration,
					 &declaration->collections[i]);
}

/* What follows from all of it; mistakes are found before. */
static enum tb_err finish(struct tb_config_reader *reader,
			  const yaml_node_t *list,
			  struct tb_collection *collections, size_t n)
{
	enum tb_err err = tb_declaration_finish(reader->arena, collections, n);

	if (err != TB_ERR_TOO_LARGE)
		return err;
	tb_config_fail(reader, list,
		       "collections: expected at most %d different fields in "
		       "one collection's filters and visible",
		       TB_INDEXED_MAX);
	return TB_OK;
}

enum tb_err tb_config_read_declaration(struct tb_config_reader *reader,
				       const yaml_node_t *node,
				       struct tb_declaration *ret)
{
	size_t n_failed = reader->n_failed;
	struct tb_collection *collections;
	struct tb_config_item item;
	size_t *lines;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE ||
	    tb_config_list_len(node) > COLLECTIONS_MAX) {
		tb_config_fail(reader, node,
			       "collections: expected a list of at most %d",
			       COLLECTIONS_MAX);
		return TB_OK;
	}
	n = tb_config_list_len(node);
	collections = tb_arena_calloc(reader->arena, n, sizeof(*collections));
	lines = tb_arena_calloc(reader->arena, n, sizeof(*lines));
	if (!collections || !lines)
		return TB_ERR_NOMEM;
	for (size_t i = 0;
	     tb_config_open_item(reader, "collections", node, i, &item); i++) {
		tb_config_read_collection(&item, &collections[i]);
		lines[i] = item.node->start_mark.line + 1;
	}
	reader->collection_lines = lines;
	if (reader->nomem)
		return TB_ERR_NOMEM;
	ret->collections = collections;
	ret->n_collections = n;
	check_names(reader, node, collections, n);
	if (reader->n_failed == n_failed)
		check_resources(reader, node, ret);
	return reader->n_failed == n_failed
		       ? finish(reader, node, collections, n)
		       : TB_OK;
}

static enum tb_err read_alone(struct tb_config_reader *reader,
			      const yaml_node_t *root, void *ctx)
{
	struct tb_config_item item;

	if (root->type == YAML_SEQUENCE_NODE &&
	    tb_config_open_item(reader, "", root, 0, &item))
		tb_config_read_collection(&item, ctx);
	else
		tb_config_fail(reader, root, "expected a collection");
	return TB_OK;
}

static void report_to_nobody(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

enum tb_err tb_config_parse_collection(struct tb_arena *arena,
				       struct tb_str text,
				       struct tb_collection *ret)
{
	struct tb_config_input input = { .text = text };
	struct tb_config_reader reader = { .path = "",
					   .arena = arena,
					   .report = report_to_nobody };
	struct tb_collection collection = { .name = TB_STR_NONE };
	enum tb_err err =
		tb_config_parse(&reader, &input, read_alone, &collection);

	if (!err && reader.nomem)
		err = TB_ERR_NOMEM;
	if (!err && (reader.n_failed > 0 || !collection.name.p))
		err = TB_ERR_INVALID;
	if (!err)
		*ret = collection;
	return err;
}
