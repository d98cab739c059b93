/** One running copy of a service, and where it is reached. */
export interface ServiceInstance {
  readonly service: string;
  readonly id: string;
  /** `host:port`; an IPv6 host in brackets. */
  readonly address: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Its share of the calls relative to the others; default 1; 0 takes none. */
  readonly weight?: number | undefined;
  readonly zone?: string | undefined;
}

/** An instance with what its record says of its lease. */
export interface Member {
  readonly instance: ServiceInstance;
  readonly ttlMs: number;
}
