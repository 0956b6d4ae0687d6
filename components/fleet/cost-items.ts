/** What a vendor's price list has for a stack. */

export interface Price {
  /** In the currency's main unit, such as euros, without tax, for a month. */
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** A thing that costs something. Without a price the vendor's list does not have it. */
export interface CostItem {
  /** Such as `hosts.web: cx23 in fsn1`. */
  readonly what: string;
  /** The host whose machine it is a part of; undefined: of none, such as a volume. */
  readonly host?: string;
  readonly price?: Price;
}

/** A resource of the stack's state. */
export interface StateResource {
  readonly type: string;
  readonly name: string;
  readonly outputs: Readonly<Record<string, unknown>>;
}
