-- Copies of what other contexts tell; `sequence` is the original's, an older one never overwrites a newer one.
CREATE TABLE customer (
    id         uuid PRIMARY KEY,
    user_id    uuid,
    name       text NOT NULL,
    email      text,
    status     text NOT NULL,
    sequence   bigint NOT NULL CHECK (sequence > 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX customer_of_user ON customer (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE user_standing (
    user_id    uuid PRIMARY KEY,
    standing   text NOT NULL CHECK (standing IN ('good', 'suspended', 'deleted')),
    sequence   bigint NOT NULL CHECK (sequence > 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE SEQUENCE order_serial;

CREATE TABLE orders (
    id                 uuid PRIMARY KEY,
    number             text UNIQUE CHECK (number ~ '^ORD-[0-9]{4}-[0-9]{6,}$'),
    status             text NOT NULL CHECK (status IN ('draft', 'discarded', 'placed', 'confirmed', 'expired',
                                                       'cancelling', 'cancelled', 'completed')),
    user_id            uuid,
    customer_id        uuid,
    customer_name      text,
    customer_email     text,
    deal_id            uuid,
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_inclusive      boolean NOT NULL,
    price_source       text NOT NULL CHECK (price_source IN ('client')),
    discount           jsonb,
    shipping           jsonb,
    subtotal           bigint NOT NULL CHECK (subtotal >= 0),
    discount_total     bigint NOT NULL CHECK (discount_total BETWEEN 0 AND subtotal),
    lines_net          bigint NOT NULL CHECK (lines_net >= 0),
    lines_tax          bigint NOT NULL CHECK (lines_tax >= 0),
    shipping_net       bigint NOT NULL CHECK (shipping_net >= 0),
    shipping_tax       bigint NOT NULL CHECK (shipping_tax >= 0),
    tax                bigint NOT NULL,
    total              bigint NOT NULL CHECK (total < 1000000000000000),
    taxes              jsonb NOT NULL,
    shipping_address   jsonb,
    billing_address    jsonb,
    note               text,
    hold_reason        text,
    invoice_id         uuid,
    invoice_number     text,
    invoice_sequence   bigint CHECK (invoice_sequence > 0),
    amount_paid        bigint CHECK (amount_paid >= 0),
    amount_refunded    bigint CHECK (amount_refunded >= 0),
    amount_due         bigint,
    -- What the amounts and the units of the lines make, computed by whoever writes the row; here to be found by.
    payment_status     text NOT NULL CHECK (payment_status IN ('unpaid', 'partially-paid', 'paid', 'overpaid',
                                                               'partially-refunded', 'refunded')),
    fulfillment_status text NOT NULL CHECK (fulfillment_status IN ('none', 'partial', 'fulfilled', 'partially-shipped',
                                                                   'shipped', 'partially-delivered', 'delivered')),
    placed_at          timestamptz,
    payment_deadline   timestamptz,
    confirmed_at       timestamptz,
    completed_at       timestamptz,
    version            bigint NOT NULL CHECK (version > 0),
    last_sequence      bigint NOT NULL CHECK (last_sequence >= 0),
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    deleted_at         timestamptz,
    CONSTRAINT order_tax_adds_up CHECK (tax = lines_tax + shipping_tax),
    CONSTRAINT order_total_adds_up CHECK (total = lines_net + shipping_net + tax),
    CONSTRAINT order_has_an_owner CHECK (user_id IS NOT NULL OR customer_id IS NOT NULL),
    CONSTRAINT order_shipping_is_paid_for CHECK (shipping IS NOT NULL OR (shipping_net = 0 AND shipping_tax = 0)),
    CONSTRAINT order_placed_is_complete CHECK (
        (status IN ('draft', 'discarded')) = (number IS NULL)
        AND (number IS NULL) = (placed_at IS NULL)
        AND (number IS NULL) = (payment_deadline IS NULL)
        AND (number IS NULL OR shipping_address IS NOT NULL)),
    CONSTRAINT order_confirmed_once CHECK (status NOT IN ('confirmed', 'completed') OR confirmed_at IS NOT NULL),
    CONSTRAINT order_completed_once CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT order_invoice_is_whole CHECK (
        (invoice_id IS NULL) = (invoice_sequence IS NULL)
        AND (invoice_id IS NULL) = (amount_paid IS NULL)
        AND (invoice_id IS NULL) = (amount_refunded IS NULL)
        AND (invoice_id IS NULL) = (amount_due IS NULL))
);
CREATE INDEX orders_of_user ON orders (user_id, id DESC);
CREATE INDEX orders_of_customer ON orders (customer_id, id DESC);
CREATE INDEX orders_by_status ON orders (status, id DESC);
CREATE INDEX orders_waiting_for_customer ON orders (user_id) WHERE customer_id IS NULL;
CREATE INDEX orders_by_placed_at ON orders (placed_at) WHERE placed_at IS NOT NULL;

CREATE TABLE order_line (
    id             uuid PRIMARY KEY,
    order_id       uuid NOT NULL REFERENCES orders,
    position       int NOT NULL CHECK (position >= 0),
    sku            text NOT NULL CHECK (sku <> ''),
    name           text NOT NULL CHECK (name <> ''),
    quantity       int NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    unit_price     bigint NOT NULL CHECK (unit_price >= 0),
    tax_rate       text NOT NULL,
    discount       jsonb,
    gross          bigint NOT NULL,
    discount_total bigint NOT NULL CHECK (discount_total BETWEEN 0 AND gross),
    order_discount bigint NOT NULL CHECK (order_discount BETWEEN 0 AND discount_total),
    net            bigint NOT NULL CHECK (net >= 0),
    tax            bigint NOT NULL CHECK (tax >= 0),
    total          bigint NOT NULL,
    open           int NOT NULL CHECK (open >= 0),
    allocated      int NOT NULL CHECK (allocated >= 0),
    shipped        int NOT NULL CHECK (shipped >= 0),
    delivered      int NOT NULL CHECK (delivered BETWEEN 0 AND shipped),
    returned       int NOT NULL CHECK (returned BETWEEN 0 AND delivered),
    cancelled      int NOT NULL CHECK (cancelled >= 0),
    CONSTRAINT line_gross CHECK (gross = unit_price * quantity),
    CONSTRAINT line_total_adds_up CHECK (total = net + tax),
    CONSTRAINT line_units_make_quantity CHECK (quantity = open + allocated + shipped + cancelled)
);
CREATE INDEX order_line_of_order ON order_line (order_id, position);

-- Sums over another table cannot be a CHECK: compared when the transaction commits.
CREATE FUNCTION require_lines_to_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM orders
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(gross), 0) AS gross, coalesce(sum(discount_total), 0) AS discount,
               coalesce(sum(net), 0) AS net, coalesce(sum(tax), 0) AS tax
        FROM order_line WHERE order_id = orders.id) AS lines
    WHERE orders.id = NEW.id
      AND (orders.subtotal, orders.discount_total, orders.lines_net, orders.lines_tax)
          IS DISTINCT FROM (lines.gross, lines.discount, lines.net, lines.tax);
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of order % do not add up to its totals', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_lines_add_up';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_lines_add_up_at_first AFTER INSERT ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_lines_to_add_up();
CREATE CONSTRAINT TRIGGER order_lines_add_up AFTER UPDATE ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.subtotal, OLD.discount_total, OLD.lines_net, OLD.lines_tax)
          IS DISTINCT FROM (NEW.subtotal, NEW.discount_total, NEW.lines_net, NEW.lines_tax))
    EXECUTE FUNCTION require_lines_to_add_up();

CREATE TABLE fulfillment (
    id              uuid PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders,
    status          text NOT NULL CHECK (status IN ('pending', 'packed', 'shipped', 'delivered', 'cancelled',
                                                    'undelivered', 'returned', 'lost')),
    lines           jsonb NOT NULL,
    carrier         text,
    tracking_number text,
    tracking_url    text,
    failure         text,
    shipped_at      timestamptz,
    delivered_at    timestamptz,
    version         bigint NOT NULL CHECK (version > 0),
    last_sequence   bigint NOT NULL CHECK (last_sequence >= 0),
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    deleted_at      timestamptz,
    CONSTRAINT fulfillment_shipped_at CHECK (status IN ('pending', 'packed', 'cancelled') OR shipped_at IS NOT NULL),
    CONSTRAINT fulfillment_delivered_at CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);
CREATE INDEX fulfillment_of_order ON fulfillment (order_id, id);

CREATE TABLE timeline_entry (
    id             uuid PRIMARY KEY,
    order_id       uuid NOT NULL REFERENCES orders,
    kind           text NOT NULL,
    at             timestamptz NOT NULL,
    actor          text,
    cause          text NOT NULL,
    correlation_id text NOT NULL,
    facts          jsonb NOT NULL
);
CREATE INDEX timeline_entry_of_order ON timeline_entry (order_id, id);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the timeline is append-only';
END $$;
CREATE TRIGGER timeline_entry_stays BEFORE UPDATE OR DELETE ON timeline_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
