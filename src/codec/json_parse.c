/*
 * The grammar and the tape. One loop over the text with an explicit stack of
 * the containers that are open, so that depth is a number and not the C stack.
 */
#include "codec/json.h"

#include "codec/json_keys.h"
#include "codec/json_text.h"

#define NO_NODE UINT32_MAX
#define NODES_MIN 32
#define FRAMES_MIN 16

const struct tb_json_limits tb_json_default_limits = {
	.max_depth = 64,
	.max_nodes = 4000000,
	.tape_depth = UINT32_MAX,
};

/* A container that is open. */
struct frame {
	struct tb_json_key_scope keys;
	uint32_t node; /* NO_NODE below the tape's depth */
	bool is_object;
};

struct parser {
	const char *text;
	const char *at;
	const char *end;
	struct tb_arena *arena;
	struct tb_json_limits limits;
	struct tb_json_node *nodes;
	uint32_t n_nodes;
	uint32_t cap_nodes;
	struct frame *frames;
	uint32_t depth;
	uint32_t cap_frames;
	struct tb_json_keys keys;
	enum tb_err err;
	struct tb_json_error error;
};

/* What the text must go on with. */
enum state {
	STATE_FAILED,
	STATE_VALUE, /* a value */
	STATE_AFTER, /* whatever may stand behind a value */
	STATE_DONE,
};

static bool fail(struct parser *p, enum tb_err err, const char *at,
		 const char *what)
{
	p->err = err;
	p->error.offset = (size_t)(at - p->text);
	p->error.what = at == p->end && err == TB_ERR_INVALID
				? "unexpected end of the text"
				: what;
	return false;
}

static bool fail_arena(struct parser *p, enum tb_err err)
{
	return fail(p, err, p->at,
		    err == TB_ERR_NOMEM ? "out of memory"
					: "needs too much memory");
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void skip_space(struct parser *p)
{
	while (p->at < p->end && is_space(*p->at))
		p->at++;
}

static inline bool is_at(const struct parser *p, char c)
{
	return p->at < p->end && *p->at == c;
}

static bool grow_nodes(struct parser *p)
{
	uint32_t max = p->limits.max_nodes;
	uint32_t cap = p->cap_nodes < NODES_MIN ? NODES_MIN : p->cap_nodes;

	if (p->n_nodes >= max)
		return fail(p, TB_ERR_TOO_LARGE, p->at, "too many values");
	cap = cap > max / 2 ? max : cap * 2;
	struct tb_json_node *nodes = tb_arena_resize(
		p->arena, p->nodes, p->cap_nodes * sizeof(*nodes),
		cap * sizeof(*nodes));
	if (nodes == NULL)
		return fail_arena(p, tb_arena_err(p->arena));
	p->nodes = nodes;
	p->cap_nodes = cap;
	return true;
}

/* Puts a value that begins at `start` and ends here on the tape, unless it is
 * below the tape's depth. */
static inline bool add_node(struct parser *p, const char *start,
			    enum tb_json_kind kind, bool escaped)
{
	if (p->depth > p->limits.tape_depth)
		return true;
	if (p->n_nodes == p->cap_nodes && !grow_nodes(p))
		return false;
	struct tb_json_node *node = &p->nodes[p->n_nodes++];
	node->start = (uint32_t)(start - p->text);
	node->len = (uint32_t)(p->at - start);
	node->next = p->n_nodes;
	node->kind = (uint8_t)kind;
	node->escaped = escaped;
	node->pad = 0;
	return true;
}

static bool refuse_in_string(struct parser *p, const char *at)
{
	unsigned char c = at < p->end ? (unsigned char)*at : 0;

	if (c >= 0x80)
		return fail(p, TB_ERR_INVALID, at, "malformed UTF-8");
	return fail(p, TB_ERR_INVALID, at,
		    c == 0 ? "NUL character" : "control character in a string");
}

/* Takes one escape or one character that is not ASCII. */
static const char *take_special(struct parser *p, const char *at, bool *escaped)
{
	if (*at == '\\') {
		const char *what;
		uint32_t code;
		const char *behind =
			tb_json_read_escape(at, p->end, &code, &what);
		if (behind != NULL && code == 0 && !p->limits.allow_nul) {
			what = "NUL character";
			behind = NULL;
		}
		if (behind == NULL)
			fail(p, TB_ERR_INVALID, at, what);
		*escaped = true;
		return behind;
	}
	size_t n =
		(unsigned char)*at < 0x20 ? 0 : tb_utf8_char_bytes(at, p->end);
	if (n == 0) {
		refuse_in_string(p, at);
		return NULL;
	}
	return at + n;
}

/* From the opening quote to behind the closing one. */
static inline bool take_string(struct parser *p, bool *ret_escaped)
{
	const char *at = tb_json_skip_plain(p->at + 1, p->end);
	bool escaped = false;

	while (at < p->end && *at != '"') {
		at = take_special(p, at, &escaped);
		if (at == NULL)
			return false;
		at = tb_json_skip_plain(at, p->end);
	}
	if (at == p->end)
		return fail(p, TB_ERR_INVALID, at, NULL);
	p->at = at + 1;
	*ret_escaped = escaped;
	return true;
}

static inline const char *skip_digits(const char *at, const char *end)
{
	while (at < end && (unsigned char)(*at - '0') <= 9)
		at++;
	return at;
}

/* One or more digits. */
static inline bool take_digits(struct parser *p)
{
	const char *behind = skip_digits(p->at, p->end);

	if (behind == p->at)
		return fail(p, TB_ERR_INVALID, p->at, "a digit is missing");
	p->at = behind;
	return true;
}

static inline bool take_number(struct parser *p)
{
	if (*p->at == '-')
		p->at++;
	if (is_at(p, '0'))
		p->at++; /* No other digit may follow; none is taken. */
	else if (!take_digits(p))
		return false;
	if (is_at(p, '.')) {
		p->at++;
		if (!take_digits(p))
			return false;
	}
	if (is_at(p, 'e') || is_at(p, 'E')) {
		p->at++;
		if (is_at(p, '+') || is_at(p, '-'))
			p->at++;
		return take_digits(p);
	}
	return true;
}

static bool take_word(struct parser *p, struct tb_str word)
{
	struct tb_str rest = tb_str(p->at, (size_t)(p->end - p->at));

	for (size_t i = 0; i < word.n; i++) {
		if (i == rest.n || rest.p[i] != word.p[i])
			return fail(p, TB_ERR_INVALID, p->at + i,
				    "a value is missing");
	}
	p->at += word.n;
	return true;
}

/* A key, its colon, and the space around them. */
static inline bool take_key(struct parser *p)
{
	const char *start = p->at;
	bool escaped;

	if (!is_at(p, '"'))
		return fail(p, TB_ERR_INVALID, p->at, "a key is missing");
	if (!take_string(p, &escaped))
		return false;
	struct tb_str inside = tb_str(start + 1, (size_t)(p->at - start) - 2);
	enum tb_err err = tb_json_keys_add(
		&p->keys, &p->frames[p->depth - 1].keys, inside, escaped);
	if (err == TB_ERR_EXISTS)
		return fail(p, TB_ERR_INVALID, start, "duplicate key");
	if (err != TB_OK)
		return fail_arena(p, err);
	if (!add_node(p, start, TB_JSON_STRING, escaped))
		return false;
	skip_space(p);
	if (!is_at(p, ':'))
		return fail(p, TB_ERR_INVALID, p->at, "a colon is missing");
	p->at++;
	skip_space(p);
	return true;
}

static bool grow_frames(struct parser *p)
{
	uint32_t cap = p->cap_frames > 0 ? p->cap_frames * 2 : FRAMES_MIN;
	struct frame *frames = tb_arena_resize(p->arena, p->frames,
					       p->cap_frames * sizeof(*frames),
					       cap * sizeof(*frames));

	if (frames == NULL)
		return fail_arena(p, tb_arena_err(p->arena));
	p->frames = frames;
	p->cap_frames = cap;
	return true;
}

static enum state close_container(struct parser *p)
{
	const struct frame *frame = &p->frames[--p->depth];

	p->at++;
	tb_json_keys_close(&p->keys, &frame->keys);
	if (frame->node != NO_NODE) {
		struct tb_json_node *node = &p->nodes[frame->node];
		node->len = (uint32_t)(p->at - p->text) - node->start;
		node->next = p->n_nodes;
	}
	return STATE_AFTER;
}

static enum state open_container(struct parser *p, bool is_object)
{
	bool on_tape = p->depth <= p->limits.tape_depth;

	if (p->depth >= p->limits.max_depth) {
		fail(p, TB_ERR_TOO_DEEP, p->at, "nested too deeply");
		return STATE_FAILED;
	}
	if ((p->depth == p->cap_frames && !grow_frames(p)) ||
	    !add_node(p, p->at, is_object ? TB_JSON_OBJECT : TB_JSON_ARRAY,
		      false))
		return STATE_FAILED;
	p->frames[p->depth++] = (struct frame) {
		.keys = tb_json_keys_open(&p->keys),
		.node = on_tape ? p->n_nodes - 1 : NO_NODE,
		.is_object = is_object,
	};
	p->at++;
	skip_space(p);
	if (is_at(p, is_object ? '}' : ']'))
		return close_container(p);
	return !is_object || take_key(p) ? STATE_VALUE : STATE_FAILED;
}

static bool take_scalar(struct parser *p)
{
	const char *start = p->at;
	enum tb_json_kind kind;
	bool escaped = false;
	bool ok;

	switch (*start) {
	case '"':
		kind = TB_JSON_STRING;
		ok = take_string(p, &escaped);
		break;
	case 't':
		kind = TB_JSON_TRUE;
		ok = take_word(p, TB_STR("true"));
		break;
	case 'f':
		kind = TB_JSON_FALSE;
		ok = take_word(p, TB_STR("false"));
		break;
	case 'n':
		kind = TB_JSON_NULL;
		ok = take_word(p, TB_STR("null"));
		break;
	default:
		kind = TB_JSON_NUMBER;
		if (*start != '-' && (unsigned char)(*start - '0') > 9)
			return fail(p, TB_ERR_INVALID, start,
				    "a value is missing");
		ok = take_number(p);
		break;
	}
	return ok && add_node(p, start, kind, escaped);
}

static enum state take_value(struct parser *p)
{
	if (p->at == p->end) {
		fail(p, TB_ERR_INVALID, p->at, NULL);
		return STATE_FAILED;
	}
	if (*p->at == '{' || *p->at == '[')
		return open_container(p, *p->at == '{');
	return take_scalar(p) ? STATE_AFTER : STATE_FAILED;
}

static enum state take_after(struct parser *p)
{
	skip_space(p);
	if (p->depth == 0)
		return STATE_DONE;
	bool is_object = p->frames[p->depth - 1].is_object;
	if (is_at(p, ',')) {
		p->at++;
		skip_space(p);
		return !is_object || take_key(p) ? STATE_VALUE : STATE_FAILED;
	}
	if (is_at(p, is_object ? '}' : ']'))
		return close_container(p);
	fail(p, TB_ERR_INVALID, p->at,
	     is_object ? "a comma or the object's end is missing"
		       : "a comma or the array's end is missing");
	return STATE_FAILED;
}

static bool take_text(struct parser *p)
{
	enum state state = STATE_VALUE;

	if (tb_str_starts(tb_str(p->at, (size_t)(p->end - p->at)),
			  TB_STR("\xef\xbb\xbf")))
		return fail(p, TB_ERR_INVALID, p->at, "byte order mark");
	skip_space(p);
	while (state == STATE_VALUE || state == STATE_AFTER)
		state = state == STATE_VALUE ? take_value(p) : take_after(p);
	if (state == STATE_DONE && p->at < p->end)
		return fail(p, TB_ERR_INVALID, p->at,
			    "something behind the value");
	return state == STATE_DONE;
}

/* Gives back what the tape did not need. */
static void trim_nodes(struct parser *p)
{
	struct tb_json_node *nodes = tb_arena_resize(
		p->arena, p->nodes, p->cap_nodes * sizeof(*nodes),
		p->n_nodes * sizeof(*nodes));

	if (nodes != NULL)
		p->nodes = nodes;
}

enum tb_err tb_json_parse(struct tb_arena *arena, struct tb_str text,
			  const struct tb_json_limits *limits,
			  struct tb_json *ret, struct tb_json_error *ret_error)
{
	const char *start = text.p != NULL ? text.p : "";
	struct parser p = {
		.text = start,
		.at = start,
		.end = start + text.n,
		.arena = arena,
		.limits = limits != NULL ? *limits : tb_json_default_limits,
		.keys = { .arena = arena },
	};

	if (text.n > UINT32_MAX)
		fail(&p, TB_ERR_TOO_LARGE, start, "over 4 GiB");
	else if (take_text(&p))
		trim_nodes(&p);
	if (p.err != TB_OK) {
		if (ret_error != NULL)
			*ret_error = p.error;
		return p.err;
	}
	*ret = (struct tb_json) { start, p.nodes, p.n_nodes };
	return TB_OK;
}
