#include "jobs/source.h"

/* True if the source is everybody's, or this org's. */
static bool is_for(const struct tb_source *source, struct tb_str org)
{
	for (size_t i = 0; i < source->n_orgs; i++)
		if (tb_str_eq(source->orgs[i], org))
			return true;
	return source->n_orgs == 0;
}

const struct tb_source *tb_sources_find(const struct tb_sources *sources,
					struct tb_str name, struct tb_str org)
{
	for (size_t i = 0; i < sources->n; i++)
		if (tb_str_eq(sources->list[i].name, name))
			return is_for(&sources->list[i], org)
				       ? &sources->list[i]
				       : NULL;
	return NULL;
}

const struct tb_source_entity *
tb_source_entity_find(const struct tb_source *source, struct tb_str name)
{
	for (size_t i = 0; i < source->n_entities; i++)
		if (tb_str_eq(source->entities[i].name, name))
			return &source->entities[i];
	return NULL;
}
