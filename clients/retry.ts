/** Requests that are made again when the network or the vendor fails. */

export interface Retries {
  readonly tries: number;
  /** Milliseconds before the second try; each further one waits that much longer. */
  readonly pauseMs: number;
}

const isFailure = ({ status }: Response): boolean => status === 429 || status >= 500;

/**
 * Repeats a request that may come twice. A refusal is an answer and returned at once, the last failure as it is.
 * @throws what `ask` threw at the last try.
 */
export async function askAgain(ask: () => Promise<Response>, { tries, pauseMs }: Retries): Promise<Response> {
  for (let tried = 1; ; tried += 1) {
    const isLast = tried === tries;
    try {
      const answer = await ask();
      if (isLast || !isFailure(answer)) return answer;
    } catch (error) {
      if (isLast) throw error;
    }
    await new Promise((resume) => setTimeout(resume, pauseMs * tried));
  }
}
