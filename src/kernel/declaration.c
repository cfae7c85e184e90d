#include "kernel/declaration.h"

#include "base/assert.h"

static const struct tb_collection *find(const struct tb_collection *collections,
					size_t n, struct tb_str name)
{
	/* A declaration has some dozens of collections, and names differ in
	 * length or in their first bytes, so that a walk beats a table. */
	for (size_t i = 0; i < n; i++)
		if (tb_str_eq(collections[i].name, name))
			return &collections[i];
	return NULL;
}

const struct tb_collection *
tb_declaration_find(const struct tb_declaration *declaration,
		    struct tb_str name)
{
	return find(declaration->collections, declaration->n_collections, name);
}

const struct tb_collection *
tb_declaration_find_path(const struct tb_declaration *declaration,
			 struct tb_str path)
{
	for (size_t i = 0; i < declaration->n_collections; i++) {
		const struct tb_collection *c = &declaration->collections[i];

		if (c->path.p != NULL && tb_str_eq(c->path, path))
			return c;
	}
	return NULL;
}

const struct tb_field *tb_collection_field(const struct tb_collection *c,
					   struct tb_str name)
{
	for (size_t i = 0; i < c->n_fields; i++)
		if (tb_str_eq(c->fields[i].name, name))
			return &c->fields[i];
	return NULL;
}

const struct tb_collection *
tb_field_target(const struct tb_declaration *declaration,
		const struct tb_collection *collection, struct tb_str field)
{
	const struct tb_field *f = tb_collection_field(collection, field);

	return f != NULL && f->references.p != NULL
		       ? tb_declaration_find(declaration, f->references)
		       : NULL;
}

bool tb_roles_meet(const struct tb_str *list, size_t n_list,
		   const struct tb_str *roles, size_t n_roles)
{
	for (size_t i = 0; i < n_list; i++) {
		if (tb_str_eq(list[i], TB_ROLE_ANY))
			return true;
		for (size_t j = 0; j < n_roles; j++)
			if (tb_str_eq(list[i], roles[j]))
				return true;
	}
	return false;
}

/* ---- what follows ---- */

static enum tb_err add_indexed(struct tb_collection *c, struct tb_str field)
{
	for (size_t i = 0; i < c->n_indexed; i++)
		if (tb_str_eq(c->indexed[i], field))
			return TB_OK;
	if (c->n_indexed == TB_INDEXED_MAX)
		return TB_ERR_TOO_LARGE;
	c->indexed[c->n_indexed++] = field;
	return TB_OK;
}

static enum tb_err index_fields(struct tb_collection *c)
{
	enum tb_err err = TB_OK;

	c->is_derived = false;
	for (size_t i = 0; err == TB_OK && i < c->n_rules; i++) {
		const struct tb_sight_rule *rule = &c->rules[i];

		if (rule->through.p != NULL)
			c->is_derived = true;
		else if (rule->field.p != NULL)
			err = add_indexed(c, rule->field);
	}
	for (size_t i = 0; err == TB_OK && i < c->n_filters; i++)
		err = add_indexed(c, c->filters[i].field);
	return err;
}

static bool is_rule_through(const struct tb_sight_rule *rule,
			    const struct tb_collection *c)
{
	return rule->through.p != NULL && tb_str_eq(rule->through, c->name);
}

/* What the records of `c` let others see. Two rules for two roles may say the
 * same. */
static void add_derivation(struct tb_derivation *list, size_t *n,
			   const struct tb_collection *to,
			   const struct tb_sight_rule *rule)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i].to == to &&
		    tb_str_eq(list[i].reference, rule->reference) &&
		    tb_str_eq(list[i].field, rule->field))
			return;
	list[(*n)++] = (struct tb_derivation) {
		.to = to,
		.reference = rule->reference,
		.field = rule->field,
	};
}

static enum tb_err derive(struct tb_arena *arena, struct tb_collection *c,
			  const struct tb_collection *all, size_t n)
{
	struct tb_derivation *list;
	size_t max = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < all[i].n_rules; j++)
			max += is_rule_through(&all[i].rules[j], c);
	list = tb_arena_calloc(arena, max + 1, sizeof(*list));
	if (list == NULL)
		return TB_ERR_NOMEM;
	c->n_derivations = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < all[i].n_rules; j++)
			if (is_rule_through(&all[i].rules[j], c))
				add_derivation(list, &c->n_derivations, &all[i],
					       &all[i].rules[j]);
	c->derivations = list;
	return TB_OK;
}

static struct tb_collection *find_one(struct tb_collection *all, size_t n,
				      struct tb_str name)
{
	for (size_t i = 0; name.p != NULL && i < n; i++)
		if (tb_str_eq(all[i].name, name))
			return &all[i];
	return NULL;
}

static enum tb_err add_shown(struct tb_collection *c, struct tb_str member)
{
	for (size_t i = 0; i < c->n_shown; i++)
		if (tb_str_eq(c->shown[i], member))
			return TB_OK;
	if (c->n_shown == TB_SHOWN_MAX)
		return TB_ERR_TOO_LARGE;
	c->shown[c->n_shown++] = member;
	return TB_OK;
}

/* Marks what the fields of `c` lead to. */
static enum tb_err mark(struct tb_collection *c, struct tb_collection *all,
			size_t n)
{
	struct tb_collection *to = find_one(all, n, c->parent);
	enum tb_err err = TB_OK;

	if (to != NULL)
		to->is_parent = true;
	c->n_references = 0;
	for (size_t i = 0; err == TB_OK && i < c->n_fields; i++) {
		const struct tb_field *f = &c->fields[i];
		const struct tb_field *from =
			f->from.p != NULL ? tb_collection_field(c, f->from)
					  : NULL;

		to = find_one(all, n, f->references);
		c->n_references += f->references.p != NULL;
		if (to != NULL)
			to->is_shown = true;
		to = from != NULL ? find_one(all, n, from->references) : NULL;
		if (to != NULL)
			err = add_shown(to, f->show);
	}
	return err;
}

enum tb_err tb_declaration_finish(struct tb_arena *arena,
				  struct tb_collection *collections, size_t n)
{
	enum tb_err err = TB_OK;

	for (size_t i = 0; i < n; i++) {
		collections[i].n_indexed = 0;
		collections[i].n_shown = 0;
		collections[i].is_parent = false;
		collections[i].is_shown = false;
	}
	for (size_t i = 0; err == TB_OK && i < n; i++) {
		err = index_fields(&collections[i]);
		if (err == TB_OK)
			err = derive(arena, &collections[i], collections, n);
		if (err == TB_OK)
			err = mark(&collections[i], collections, n);
	}
	return err;
}
