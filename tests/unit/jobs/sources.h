/*
 * What jobs can reach in tests: sources of several types, and of which a test
 * needs no more than what they can do.
 */
#ifndef TB_TESTS_JOBS_SOURCES_H
#define TB_TESTS_JOBS_SOURCES_H

#include "base/assert.h"
#include "jobs/source.h"

static const struct tb_source_entity shop_entities[] = {
	{ .name = TB_STR_INIT("products"),
	  .collection = TB_STR_INIT("product") },
	{ .name = TB_STR_INIT("orders"), .collection = TB_STR_INIT("order") },
};
static const struct tb_source_entity office_entities[] = {
	{ .name = TB_STR_INIT("items"), .collection = TB_STR_INIT("item") },
};
static const struct tb_str office_orgs[] = { TB_STR_INIT("north"),
					     TB_STR_INIT("south") };
static const struct tb_source source_list[] = {
	{ .name = TB_STR_INIT("shopify"),
	  .type = "shopify",
	  .entities = shop_entities,
	  .n_entities = TB_ARRAY_LEN(shop_entities) },
	{ .name = TB_STR_INIT("office"),
	  .type = "http",
	  .orgs = office_orgs,
	  .n_orgs = TB_ARRAY_LEN(office_orgs),
	  .entities = office_entities,
	  .n_entities = TB_ARRAY_LEN(office_entities) },
	{ .name = TB_STR_INIT("dump"),
	  .type = "file",
	  .entities = office_entities,
	  .n_entities = TB_ARRAY_LEN(office_entities) },
	{ .name = TB_STR_INIT("branch"),
	  .type = "site",
	  .entities = office_entities,
	  .n_entities = TB_ARRAY_LEN(office_entities) },
};
static const struct tb_sources test_sources = { source_list,
						TB_ARRAY_LEN(source_list) };

#endif
