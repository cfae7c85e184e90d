/*
 * What the demo's shop has: products, customers, orders and two collections of
 * products. Each record is made out of its number and how many products there
 * are, so that a shop of millions needs no room. Pure.
 */
#ifndef TB_APP_DEMO_GOODS_H
#define TB_APP_DEMO_GOODS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "codec/json.h"

enum tb_goods_kind {
	TB_GOODS_PRODUCTS,
	TB_GOODS_CUSTOMERS,
	TB_GOODS_ORDERS,
	TB_GOODS_KINDS,
};

/* "products", ... */
extern const char *const tb_goods_names[];

#define TB_GOODS_PRODUCTS_MAX 100000000u

/* Records of a kind: every `step`th number from `next` on, below `end`. Those
 * that changed last have the highest numbers. */
struct tb_goods_run {
	uint64_t next;
	uint64_t end;
	uint64_t step;
};

/* All of a kind in a shop of so many products. */
struct tb_goods_run tb_goods_all(enum tb_goods_kind kind, uint64_t products);
uint64_t tb_goods_count(const struct tb_goods_run *run);
/* Leaves those out that changed before this time. The run is of `kind`. */
void tb_goods_since(struct tb_goods_run *run, enum tb_goods_kind kind,
		    uint64_t products, int64_t since_us);

/* Collections of products; some products are in both. */
struct tb_goods_collection {
	uint64_t id;
	const char *handle;
	const char *title;
	bool is_smart; /* made by a rule, not by hand */
};
extern const struct tb_goods_collection tb_goods_collections[];
extern const size_t tb_goods_collections_count;

/* The products of the collection with this id; none: there is no such one. */
struct tb_goods_run tb_goods_in(uint64_t collection_id, uint64_t products);

/* Writes the record of a number, from 1 on, as an object. */
void tb_goods_put(struct tb_json_writer *w, enum tb_goods_kind kind,
		  uint64_t number, uint64_t products);
void tb_goods_put_collection(struct tb_json_writer *w,
			     const struct tb_goods_collection *collection);

#endif
