#include "app/config_read.h"

#include <stdarg.h>
#include <stdio.h>

#define REPORT_MAX_BYTES 1024
#define EXPECTED_MAX_BYTES 512
#define LABEL_MAX_BYTES 256

void tb_config_fail(struct tb_config_reader *reader, const yaml_node_t *at,
		    const char *fmt, ...)
{
	char text[REPORT_MAX_BYTES];
	int n;
	va_list args;

	reader->n_failed++;
	if (at)
		n = snprintf(text, sizeof(text), "%s:%zu: ", reader->path,
			     at->start_mark.line + 1);
	else
		n = snprintf(text, sizeof(text), "%s: ", reader->path);
	if (n < 0 || (size_t)n >= sizeof(text))
		n = 0;
	va_start(args, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
	va_end(args);
	reader->report(reader->report_ctx, text);
}

static void fail_yaml(struct tb_config_reader *reader,
		      const yaml_parser_t *parser)
{
	yaml_node_t at = { .start_mark = parser->problem_mark };

	tb_config_fail(reader, &at, "expected YAML: %s",
		       parser->problem ? parser->problem : "unreadable");
}

/* What a second document says would be ignored, so it must not be there. */
static void read_end(struct tb_config_reader *reader, yaml_parser_t *parser)
{
	yaml_document_t second;
	yaml_node_t at;

	if (!yaml_parser_load(parser, &second)) {
		fail_yaml(reader, parser);
		return;
	}
	at = (yaml_node_t) { .start_mark = second.start_mark };
	if (yaml_document_get_root_node(&second))
		tb_config_fail(reader, &at, "expected one document only");
	yaml_document_delete(&second);
}

static void set_input(yaml_parser_t *parser,
		      const struct tb_config_input *input)
{
	if (input->file)
		yaml_parser_set_input_file(parser, input->file);
	else
		yaml_parser_set_input_string(
			parser, (const unsigned char *)input->text.p,
			input->text.n);
}

enum tb_err tb_config_parse(struct tb_config_reader *reader,
			    const struct tb_config_input *input,
			    tb_config_root_fn *read_root, void *ctx)
{
	yaml_parser_t parser;
	const yaml_node_t *root;
	enum tb_err err = TB_OK;

	if (!yaml_parser_initialize(&parser))
		return TB_ERR_NOMEM;
	set_input(&parser, input);
	if (!yaml_parser_load(&parser, &reader->doc)) {
		fail_yaml(reader, &parser);
		yaml_parser_delete(&parser);
		return TB_OK;
	}
	root = yaml_document_get_root_node(&reader->doc);
	if (root)
		err = read_root(reader, root, ctx);
	if (!err)
		read_end(reader, &parser);
	yaml_document_delete(&reader->doc);
	yaml_parser_delete(&parser);
	return err;
}

const char *tb_config_label(struct tb_config_reader *reader, const char *fmt,
			    ...)
{
	char text[LABEL_MAX_BYTES];
	struct tb_str label;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!tb_arena_strdup(reader->arena, tb_str_z(text), &label))
		return label.p;
	reader->nomem = true;
	return "?";
}

bool tb_config_scalar(const yaml_node_t *node, struct tb_str *ret)
{
	if (node->type != YAML_SCALAR_NODE)
		return false;
	*ret = tb_str((const char *)node->data.scalar.value,
		      node->data.scalar.length);
	return true;
}

/* The line on which a mapping gave this key before pair `end`, or 0. */
static size_t line_given(struct tb_config_reader *reader,
			 const yaml_node_t *mapping, size_t end,
			 struct tb_str key)
{
	const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
	const yaml_node_t *node;
	struct tb_str other;

	for (size_t i = 0; i < end; i++) {
		node = yaml_document_get_node(&reader->doc, pairs[i].key);
		if (tb_config_scalar(node, &other) && tb_str_eq(other, key))
			return node->start_mark.line + 1;
	}
	return 0;
}

bool tb_config_next_pair(struct tb_config_reader *reader,
			 const yaml_node_t *mapping, size_t *i,
			 struct tb_config_pair *ret)
{
	const yaml_node_pair_t *pairs = mapping->data.mapping.pairs.start;
	size_t n = (size_t)(mapping->data.mapping.pairs.top - pairs);
	size_t line;

	for (; *i < n; (*i)++) {
		ret->key_node =
			yaml_document_get_node(&reader->doc, pairs[*i].key);
		ret->value =
			yaml_document_get_node(&reader->doc, pairs[*i].value);
		if (!tb_config_scalar(ret->key_node, &ret->key)) {
			tb_config_fail(reader, ret->key_node,
				       "expected a name as the key");
			continue;
		}
		line = line_given(reader, mapping, *i, ret->key);
		if (line > 0) {
			tb_config_fail(reader, ret->key_node,
				       "%.*s: given already on line %zu",
				       TB_STR_ARG(ret->key), line);
			continue;
		}
		(*i)++;
		return true;
	}
	return false;
}

yaml_node_t *tb_config_item(struct tb_config_reader *reader,
			    const yaml_node_t *sequence, size_t n)
{
	const yaml_node_item_t *items = sequence->data.sequence.items.start;

	if (n >= (size_t)(sequence->data.sequence.items.top - items))
		return NULL;
	return yaml_document_get_node(&reader->doc, items[n]);
}

/* The texts of a value: a scalar's one, a sequence's several. False when the
 * value is not of the setting's shape. */
static bool collect(struct tb_config_reader *reader, const yaml_node_t *value,
		    const struct tb_setting *setting, struct tb_str *items,
		    size_t *ret_n)
{
	const yaml_node_t *item;
	size_t n = 0;

	if (setting->kind != TB_SETTING_LIST) {
		*ret_n = 1;
		return tb_config_scalar(value, &items[0]);
	}
	if (value->type != YAML_SEQUENCE_NODE)
		return false;
	for (; (item = tb_config_item(reader, value, n)); n++) {
		if (n == TB_SETTING_LIST_MAX ||
		    !tb_config_scalar(item, &items[n]))
			return false;
	}
	*ret_n = n;
	return true;
}

/* Says what was expected, or notes that memory is out. */
static void take_outcome(struct tb_config_reader *reader, const yaml_node_t *at,
			 const char *label, const struct tb_setting *setting,
			 enum tb_err err)
{
	struct tb_buf expected;

	if (err == TB_ERR_NOMEM)
		reader->nomem = true;
	if (err != TB_ERR_INVALID)
		return;
	tb_buf_init(&expected, EXPECTED_MAX_BYTES);
	tb_setting_put_expected(&expected, setting);
	tb_config_fail(reader, at, "%s: expected %.*s", label,
		       TB_STR_ARG(tb_buf_str(&expected)));
	tb_buf_fini(&expected);
}

void tb_config_read_value(struct tb_config_reader *reader, const char *label,
			  const struct tb_setting *setting, void *options,
			  const yaml_node_t *value)
{
	struct tb_str items[TB_SETTING_LIST_MAX];
	enum tb_err err = TB_ERR_INVALID;
	size_t n;

	if (collect(reader, value, setting, items, &n))
		err = tb_setting_set(setting, options, reader->arena, items, n);
	take_outcome(reader, value, label, setting, err);
}

void tb_config_read_text(struct tb_config_reader *reader, const char *label,
			 const struct tb_setting *setting, void *options,
			 struct tb_str text)
{
	take_outcome(
		reader, NULL, label, setting,
		tb_setting_set_text(setting, options, reader->arena, text));
}
