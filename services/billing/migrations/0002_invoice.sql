CREATE TABLE invoice (
    id                uuid PRIMARY KEY,
    number            text,
    status            text NOT NULL CHECK (status IN ('draft', 'held', 'open', 'paid', 'void', 'uncollectible')),
    order_id          uuid,
    order_number      text,
    customer_id       uuid,
    user_id           uuid,
    buyer             jsonb NOT NULL,
    seller            jsonb NOT NULL,
    currency          text NOT NULL,
    tax_inclusive     boolean NOT NULL,
    shipping_name     text,
    shipping_price    bigint CHECK (shipping_price >= 0),
    shipping_tax_rate text,
    shipping_tax      bigint NOT NULL CHECK (shipping_tax >= 0),
    subtotal          bigint NOT NULL CHECK (subtotal >= 0),
    discount          bigint NOT NULL CHECK (discount BETWEEN 0 AND subtotal),
    shipping          bigint NOT NULL CHECK (shipping >= 0),
    tax               bigint NOT NULL CHECK (tax >= 0),
    total             bigint NOT NULL CHECK (total >= 0),
    taxes             jsonb NOT NULL,
    issued_at         timestamptz,
    due_at            timestamptz,
    paid_at           timestamptz,
    voided_at         timestamptz,
    void_reason       text,
    overdue           boolean NOT NULL,
    amount_paid       bigint NOT NULL CHECK (amount_paid >= 0),
    amount_credited   bigint NOT NULL CHECK (amount_credited >= 0),
    amount_refunded   bigint NOT NULL CHECK (amount_refunded BETWEEN 0 AND amount_paid),
    amount_due        bigint NOT NULL CHECK (amount_due >= 0),
    -- What payments under way have taken of the due.
    amount_processing bigint NOT NULL CHECK (amount_processing >= 0),
    facts_told        int NOT NULL CHECK (facts_told >= 0),
    version           bigint NOT NULL CHECK (version > 0),
    last_sequence     bigint NOT NULL CHECK (last_sequence >= 0),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    CONSTRAINT invoice_due CHECK (
        amount_due = CASE WHEN status = 'void' THEN 0 ELSE greatest(0, total - amount_paid - amount_credited) END),
    CONSTRAINT invoice_never_charged_twice CHECK (amount_processing <= amount_due),
    CONSTRAINT invoice_never_overpaid CHECK (amount_paid <= total),
    CONSTRAINT invoice_paid CHECK ((status = 'paid') = (paid_at IS NOT NULL) AND (status <> 'paid' OR amount_due = 0)),
    CONSTRAINT invoice_void CHECK ((status = 'void') = (voided_at IS NOT NULL) AND (status <> 'void' OR amount_paid = 0)),
    CONSTRAINT invoice_issued CHECK (
        (number IS NULL) = (issued_at IS NULL) AND (number IS NULL) = (due_at IS NULL)
        AND (number IS NULL OR status NOT IN ('draft', 'held'))
        AND (number IS NOT NULL OR status IN ('draft', 'held', 'void'))),
    CONSTRAINT invoice_shipping CHECK (
        (shipping_name IS NULL) = (shipping_price IS NULL) AND (shipping_name IS NULL) = (shipping_tax_rate IS NULL)
        AND (shipping_name IS NOT NULL OR (shipping = 0 AND shipping_tax = 0)))
);
CREATE UNIQUE INDEX invoice_of_order ON invoice (order_id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX invoice_number ON invoice (number);
CREATE INDEX invoice_of_user ON invoice (user_id, id);
CREATE INDEX invoice_of_customer ON invoice (customer_id, id);
CREATE INDEX invoice_by_status ON invoice (status, id);

CREATE TABLE invoice_line (
    id               uuid PRIMARY KEY,
    invoice_id       uuid NOT NULL REFERENCES invoice,
    position         int NOT NULL CHECK (position >= 0),
    order_line_id    uuid,
    sku              text,
    description      text NOT NULL,
    quantity         int NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    unit_price       bigint NOT NULL CHECK (unit_price >= 0),
    discount_amount  bigint CHECK (discount_amount >= 0),
    discount_percent text,
    tax_rate         text NOT NULL,
    gross            bigint NOT NULL,
    discount_total   bigint NOT NULL CHECK (discount_total BETWEEN 0 AND gross),
    net              bigint NOT NULL CHECK (net >= 0),
    tax              bigint NOT NULL CHECK (tax >= 0),
    total            bigint NOT NULL,
    UNIQUE (invoice_id, position),
    CONSTRAINT invoice_line_gross CHECK (gross = unit_price * quantity),
    CONSTRAINT invoice_line_total CHECK (total = net + tax),
    CONSTRAINT invoice_line_one_discount CHECK (discount_amount IS NULL OR discount_percent IS NULL)
);

-- Money rule 7, over both tables, so at the end of the transaction.
CREATE FUNCTION require_invoice_to_add_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    written uuid := (to_jsonb(COALESCE(NEW, OLD)) ->> TG_ARGV[0])::uuid;
BEGIN
    IF EXISTS (
        SELECT FROM invoice, LATERAL (
            SELECT COALESCE(sum(line.gross), 0) AS gross, COALESCE(sum(line.discount_total), 0) AS discount,
                   COALESCE(sum(line.net), 0) AS net, COALESCE(sum(line.tax), 0) AS tax
            FROM invoice_line AS line WHERE line.invoice_id = invoice.id) AS lines
        WHERE invoice.id = written AND (
            invoice.total <> lines.net + invoice.shipping + invoice.tax
            OR invoice.tax <> lines.tax + invoice.shipping_tax
            OR invoice.subtotal <> lines.gross
            OR invoice.discount <> lines.discount)
    ) THEN
        RAISE EXCEPTION 'the lines of invoice % do not add up to its totals', written
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_adds_up', TABLE = 'invoice';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER invoice_adds_up
    AFTER INSERT OR UPDATE OF subtotal, discount, shipping, shipping_tax, tax, total ON invoice
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_invoice_to_add_up('id');
CREATE CONSTRAINT TRIGGER invoice_line_adds_up
    AFTER INSERT OR UPDATE OR DELETE ON invoice_line
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_invoice_to_add_up('invoice_id');

-- Gapless: the row is locked from taking a number until commit, and a rollback gives the number back.
CREATE TABLE number_series (
    series text NOT NULL,
    year   int NOT NULL,
    last   bigint NOT NULL CHECK (last > 0),
    PRIMARY KEY (series, year)
);
