#include "app/config_item.h"

bool tb_config_open_item(struct tb_config_reader *reader, const char *label,
			 const yaml_node_t *list, size_t n,
			 struct tb_config_item *ret)
{
	ret->reader = reader;
	ret->node = tb_config_item(reader, list, n);
	if (!ret->node)
		return false;
	ret->label = tb_config_label(reader, "%s[%zu]", label, n);
	return true;
}

/* The value of a key of an item, or NULL. */
static const yaml_node_t *find(const struct tb_config_item *item,
			       const char *key)
{
	const yaml_node_pair_t *pair;
	struct tb_str name;

	if (item->node->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = item->node->data.mapping.pairs.start;
	     pair < item->node->data.mapping.pairs.top; pair++) {
		if (tb_config_scalar(yaml_document_get_node(&item->reader->doc,
							    pair->key),
				     &name) &&
		    tb_str_eq(name, tb_str_z(key)))
			return yaml_document_get_node(&item->reader->doc,
						      pair->value);
	}
	return NULL;
}

bool tb_config_open_in(const struct tb_config_item *item, const char *key,
		       size_t n, struct tb_config_item *ret)
{
	const yaml_node_t *list = find(item, key);

	return list && list->type == YAML_SEQUENCE_NODE &&
	       tb_config_open_item(item->reader,
				   tb_config_key_label(item, tb_str_z(key)),
				   list, n, ret);
}

size_t tb_config_list_len(const yaml_node_t *list)
{
	return (size_t)(list->data.sequence.items.top -
			list->data.sequence.items.start);
}

const char *tb_config_key_label(const struct tb_config_item *item,
				struct tb_str key)
{
	return tb_config_label(item->reader, "%s.%.*s", item->label,
			       TB_STR_ARG(key));
}

void tb_config_fail_key(const struct tb_config_item *item, const char *key,
			const char *expected)
{
	const yaml_node_t *value = find(item, key);

	tb_config_fail(item->reader, value ? value : item->node,
		       "%s.%s: expected %s", item->label, key, expected);
}

bool tb_config_has_key(const struct tb_config_item *item, const char *key)
{
	return find(item, key) != NULL;
}

static bool take_part(const struct tb_config_item *item,
		      const struct tb_config_pair *pair,
		      struct tb_config_part *parts, size_t n_parts)
{
	for (size_t i = 0; i < n_parts; i++) {
		if (!tb_str_eq(pair->key, tb_str_z(parts[i].key)))
			continue;
		if (pair->value->type == parts[i].type)
			parts[i].node = pair->value;
		else
			tb_config_fail(item->reader, pair->value,
				       "%s.%s: expected %s", item->label,
				       parts[i].key,
				       parts[i].type == YAML_SEQUENCE_NODE
					       ? "a list"
					       : "names and values");
		return true;
	}
	return false;
}

bool tb_config_read_item(const struct tb_config_item *item,
			 const struct tb_settings *settings, void *row,
			 struct tb_config_part *parts, size_t n_parts)
{
	size_t n_failed = item->reader->n_failed;
	const struct tb_setting *setting;
	struct tb_config_pair pair;
	const char *label;
	size_t i = 0;

	if (item->node->type != YAML_MAPPING_NODE) {
		tb_config_fail(item->reader, item->node,
			       "%s: expected names and values", item->label);
		return false;
	}
	while (tb_config_next_pair(item->reader, item->node, &i, &pair)) {
		if (take_part(item, &pair, parts, n_parts))
			continue;
		label = tb_config_key_label(item, pair.key);
		setting = tb_settings_find(settings, pair.key);
		if (setting)
			tb_config_read_value(item->reader, label, setting, row,
					     pair.value);
		else
			tb_config_fail(item->reader, pair.key_node,
				       "%s: expected a known key", label);
	}
	return item->reader->n_failed == n_failed;
}

const struct tb_str *tb_config_slices(struct tb_config_reader *reader,
				      const char *const *list, size_t *ret_n)
{
	struct tb_str *slices;
	size_t n = 0;

	while (list && list[n])
		n++;
	*ret_n = n;
	slices = tb_arena_calloc(reader->arena, n, sizeof(*slices));
	if (!slices) {
		reader->nomem = true;
		*ret_n = 0;
	}
	for (size_t i = 0; i < *ret_n; i++)
		slices[i] = tb_str_z(list[i]);
	return slices;
}

void *tb_config_make_list(const struct tb_config_item *parent, const char *key,
			  const yaml_node_t *list, size_t max, size_t size)
{
	struct tb_config_reader *reader = parent->reader;
	size_t n = tb_config_list_len(list);
	void *items;

	if (n > max) {
		tb_config_fail(reader, list, "%s.%s: expected at most %zu",
			       parent->label, key, max);
		return NULL;
	}
	items = tb_arena_calloc(reader->arena, n, size);
	if (!items)
		reader->nomem = true;
	return items;
}
