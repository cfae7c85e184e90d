/*
 * The demo's shop: a server on loopback that answers as a shop's does over the
 * Admin REST API of Shopify, as far as jobs ask: products, customers and orders
 * page by page, how many there are, since when they changed; collections by
 * their handles. What it has is made up (app/demo_goods.h). Its threads are its
 * own.
 */
#ifndef TB_APP_DEMO_SHOP_H
#define TB_APP_DEMO_SHOP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define TB_DEMO_SHOP_PRODUCTS 120
/* Public, as all that the demo has. */
#define TB_DEMO_SHOP_TOKEN "demo-shop-token"

struct tb_demo_shop;

struct tb_demo_shop_options {
	const char *listen;  /* an address of loopback and a port; 0: any */
	uint64_t products;   /* 1 to TB_GOODS_PRODUCTS_MAX */
	struct tb_str token; /* of X-Shopify-Access-Token */
};

/* The options are borrowed until stop. BUSY: the address is taken. */
enum tb_err tb_demo_shop_start(const struct tb_demo_shop_options *options,
			       struct tb_demo_shop **ret) tb_must_check;
/* Ends what runs; takes NULL. */
void tb_demo_shop_stop(struct tb_demo_shop *shop);
/* "http://127.0.0.1:8001", with the port that it has. */
void tb_demo_shop_put_url(struct tb_buf *buf, const struct tb_demo_shop *shop);

#endif
