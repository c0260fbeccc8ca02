// The browser client of status2: docs/clients.md says how to use it,
// status2.d.ts what each part promises.

const shortest = 500, longest = 20000; // ms between two attempts
const kept = 256; // frames, for the tabs that join a shared connection

export const watch = (url, options) => new Lines(url, options);

class Lines extends EventTarget {
  state = 'connecting';
  reason = '';
  lastId = '';
  missed = 0;
  dropped = 0;
  #url;
  #options;
  #ends = new AbortController(); // removes every listener
  #turn = 0; // events of an earlier socket count for nothing
  #wire; // the one socket
  #timer; // the one timer
  #waiting = false; // for the next attempt
  #quiet = 0; // beats since the last frame
  #failures = 0;
  #stream = false; // the wire is an event stream
  #socketWorked = false;
  #streamWorked = false;
  #renewAt = Infinity; // when the token is due to be replaced
  #bus; // to the tabs that share the connection
  #me; // this tab, to the others
  #leader; // the tab with the connection, once this tab follows it
  #over; // gives the lock back
  #recent = []; // frames, for tabs that join

  constructor(url, options = {}) {
    super();
    this.#options =
      {tail: 0, since: '', heartbeat: 5, buffer: 1000, ...options};
    this.lastId = this.#options.since;
    this.#url = new URL(url, location.href);
    this.#url.hash = '';
    const {signal} = options, until = {signal: this.#ends.signal};
    if (signal?.aborted) return void this.close('aborted');
    signal?.addEventListener('abort', () => this.close('aborted'), until);
    const on = (type, act) => addEventListener(type, act, until);
    on('online', () => this.#waiting ? this.#connect() : this.#probe());
    on('offline', () => this.#probe());
    // An open socket keeps a page out of the back-forward cache.
    on('pagehide', () => {
      this.#stop();
      this.#become('connecting', 'pagehide');
    });
    on('pageshow', (event) => event.persisted && this.#start());
    this.#start();
  }

  close(reason = 'closed') {
    if (this.state == 'closed') return;
    this.#stop();
    this.#ends.abort();
    this.#become('closed', reason);
  }

  async *[Symbol.asyncIterator]() {
    const queue = [], until = new AbortController();
    let wake;
    const on = (type, act) => this.addEventListener(type, (event) => {
      act(event);
      wake?.();
    }, until);
    on('message', ({data}) => {
      if (queue.push(data) > this.#options.buffer) {
        queue.shift();
        this.dropped++;
      }
    });
    on('state', () => {});
    try {
      for (;;) {
        while (queue.length) yield queue.shift();
        if (this.state == 'closed') return;
        await new Promise((resolve) => wake = resolve);
      }
    } finally {
      until.abort();
    }
  }

  #emit(type, data, more) {
    const {lastId: lastEventId} = this;
    const event = new MessageEvent(type, {data, lastEventId});
    this.dispatchEvent(Object.assign(event, more));
  }

  #become(state, reason = '') {
    if (state == this.state && reason == this.reason) return;
    Object.assign(this, {state, reason});
    if (state != 'closed') this.#tell({state, reason});
    this.#emit('state', {state, reason});
  }

  // -- one socket, one timer --

  #drop() {
    this.#turn++;
    this.#waiting = false;
    clearTimeout(this.#timer);
    this.#wire?.close();
    this.#wire = undefined;
  }

  #lost(reason) {
    this.#drop();
    const most = Math.min(longest, 4 * shortest * 2 ** this.#failures++);
    const wait = shortest + Math.random() * (most - shortest);
    this.#waiting = true;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become('connecting', reason);
  }

  async #connect() {
    this.#drop();
    const {tail, token, withCredentials} = this.#options;
    const turn = this.#turn, protocols = [];
    const mine = (act) => (event) => turn == this.#turn && act(event);
    // The broker may be down as well: the two ways take turns.
    const way = this.#failures + this.#streamWorked;
    const stream = this.#stream = !this.#socketWorked &&
      way % 2 > 0 && (this.#streamWorked || way > 2);
    this.#quiet = 2;
    this.#beat();
    const url = new URL(this.#url), ask = url.searchParams;
    const secure = /[ps]s:$/.test(url.protocol) ? 's' : '';
    url.protocol = (stream ? 'http' : 'ws') + secure;
    if (token) {
      try {
        const text = await this.#token();
        if (stream) ask.set('ticket', await this.#ticket(url, text));
        else protocols.push('status2.v1', 'status2.bearer.' + text);
      } catch {
        return void mine(() => this.#lost('token'))();
      }
      if (turn != this.#turn) return;
    }
    if (this.lastId) ask.set('since', this.lastId);
    if (tail || !this.lastId) ask.set('tail', tail);
    if (stream) ask.set('stream', 'sse');
    let wire;
    try {
      wire = stream ? new EventSource(url, {withCredentials})
        : new WebSocket(url, protocols);
    } catch (error) {
      return this.close(String(error));
    }
    this.#wire = wire;
    wire.onopen = mine(() => {
      if (stream) this.#streamWorked = true;
      else this.#socketWorked = true;
      this.#quiet = 2;
    });
    wire.onmessage = mine(({data}) => {
      let frame;
      try {
        frame = JSON.parse(data);
      } catch {
        return; // not of this broker
      }
      this.#receive(frame);
    });
    if (stream) wire.onerror = mine(() => this.#lost('stream'));
    else wire.onclose = mine(({code}) => this.#lost('code ' + code));
  }

  // The token for this moment, which is replaced at three quarters of its life.
  async #token() {
    const {token} = this.#options;
    if (typeof token != 'function') return token;
    this.#renewAt = Infinity;
    const text = await token(), now = Date.now();
    try {
      const claims = text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
      const left = JSON.parse(atob(claims)).exp * 1000 - now;
      // The broker's clock may be behind, and it waits for a while.
      if (left) this.#renewAt = now + (left > 0 ? left * .75 : longest);
    } catch {} // no JWT: the broker judges it
    return text;
  }

  // EventSource sends no header: the token gets a ticket for one request.
  async #ticket(url, token) {
    const answer = await fetch(new URL('v1/tickets', url), {
      method: 'POST',
      headers: {Authorization: 'Bearer ' + token},
    });
    if (!answer.ok) throw answer;
    return (await answer.json()).ticket;
  }

  async #renew() {
    const {readyState} = this.#wire ?? {}, turn = this.#turn;
    if (this.#stream || readyState != 1 || Date.now() < this.#renewAt) return;
    try {
      const token = await this.#token();
      if (turn == this.#turn) this.#say({type: 'auth', token});
    } catch {
      this.#renewAt = 0; // at the next beat
    }
  }

  // An overdue timer runs before frames that have arrived: the last beat, a
  // short one, lets them in.
  #beat() {
    const {heartbeat} = this.#options;
    const wait =
      this.#quiet > 3 ? 250 : this.#stream ? 15000 : heartbeat * 1000;
    this.#timer = setTimeout(() => {
      const quiet = ++this.#quiet;
      if (quiet > 4) return this.#lost('silence');
      if (quiet == 3) this.#send('init'); // answered with a ping
      this.#renew();
      this.#beat();
      if (quiet == 4 && this.state == 'live') this.#become('stale');
    }, wait);
  }

  // The network has changed: an open socket may be dead.
  #probe() {
    if (this.#wire?.readyState != 1 || this.#stream || this.#quiet > 2) return;
    clearTimeout(this.#timer);
    this.#quiet = 3;
    this.#send('init');
    this.#beat();
  }

  #send(type) {
    this.#say({type});
  }

  #say(frame) {
    const wire = this.#wire;
    if (!this.#stream && wire?.readyState == 1) wire.send(JSON.stringify(frame));
  }

  #receive(frame) {
    if (this.state == 'closed') return; // by a frame of the same answer
    const {type, id, data, latched} = frame;
    this.#quiet = 0;
    if (type == 'auth') {
      if (!frame.ok) this.#renewAt = Date.now() + longest;
      return;
    }
    if (id) {
      this.lastId = id;
      if (this.#bus && this.#recent.push(frame) > kept) this.#recent.shift();
    }
    if (type != 'ping') this.#tell({frame});
    if (this.state == 'stale') this.#become('live');
    if (type == 'ping') {
      if (this.state == 'live') this.#failures = 0;
      this.#send('pong'); // here: timers of hidden tabs are late
    } else if (type == 'status') {
      this.#emit('message', data, {latched: !!latched});
    } else if (type == 'gap') {
      this.missed++;
      this.#emit('gap', frame);
    } else if (type == 'resumed') {
      this.#become('live');
      this.#tell({lead: true});
      this.#emit('resumed', frame);
    } else if (type == 'hangup') {
      this.close('hangup');
    }
  }

  // -- tabs that share a connection: the holder of the lock has it --

  #start() {
    const {share, tail} = this.#options;
    if (!share || !navigator.locks) return void this.#connect();
    const key = `status2 ${this.#url} ${tail}`, over = new AbortController();
    const {signal} = over;
    this.#over = over;
    this.#me = crypto.randomUUID();
    this.#bus = new BroadcastChannel(key);
    this.#bus.onmessage = ({data}) => this.#hear(data);
    navigator.locks.request(key, {signal}, () => {
      if (signal.aborted) return;
      this.#leader = this.#me;
      this.#connect();
      return new Promise((release) => signal.onabort = release);
    }).catch(() => signal.aborted || this.#connect());
    this.#join();
  }

  #stop() {
    this.#drop();
    this.#over?.abort();
    this.#bus?.close();
    this.#bus = this.#leader = undefined;
  }

  // Asks the leader for the frames behind the last one of this tab.
  #join() {
    this.#bus.postMessage({join: this.#me, since: this.lastId});
  }

  #tell(what) {
    if (this.#bus && this.#leader == this.#me)
      this.#bus.postMessage({from: this.#me, ...what});
  }

  #hear({from, join, since, to, frames, frame, lead, state, reason}) {
    if (this.#leader == this.#me) {
      if (join && this.state != 'connecting') this.#answer(join, since);
    } else if (to == this.#me) {
      this.#leader = from;
      for (const one of frames) this.#receive(one);
    } else if (from == this.#leader && frame) {
      this.#receive(frame);
    } else if (from != this.#leader && lead) {
      this.#join();
    } else if (state && (from == this.#leader || state != 'live')) {
      this.#become(state, reason);
    }
  }

  #answer(to, since) {
    const {tail} = this.#options, id = this.lastId;
    // Lines between a last word and the next frame may be missing.
    const at = this.#recent
      .findLastIndex((one) => one.id == since && !one.latched);
    const complete = !since || at >= 0;
    const lines = this.#recent.slice(at + 1)
      .filter(({type}) => type != 'resumed');
    const frames = since ? lines : lines.filter(({latched}, i) =>
      latched || i >= lines.length - tail);
    const replayed = frames.filter(({type}) => type == 'status').length;
    const until = new Date().toISOString();
    if (!complete) frames.unshift({type: 'gap', until, cause: 'elsewhere'});
    frames.push({type: 'resumed', id, complete, replayed});
    this.#tell({to, frames});
  }
}
