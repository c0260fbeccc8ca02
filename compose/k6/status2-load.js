// Viewers of one channel, one a virtual user, for as long as STATUS2_DURATION.
// Somebody else publishes: `status2 publish --rate` sends texts such as
// {"seq":7,"t":1795428000123.5,"pad":"…"}, where t is UNIX time in ms.
//
//   STATUS2_WS_URL              ws://localhost:9002, prefix included
//   STATUS2_RUN_ID              first half of the channel: loadtest
//   STATUS2_CHANNEL             second half: wepp
//   STATUS2_VUS                 viewers: 300
//   STATUS2_DURATION            5m, 20s, …
//   STATUS2_MESSAGE_TIMEOUT_MS  silence that counts as a timeout: 30000
//   STATUS2_P95_MS              tolerated latency at the 95th percentile: 50
import { WebSocket } from 'k6/websockets';
import { Counter, Trend } from 'k6/metrics';

const env = (name, fallback) => __ENV[name] || fallback;

function milliseconds(text) {
  const units = { ms: 1, s: 1000, m: 60000, h: 3600000 };
  let total = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(part[1]) * units[part[2]];
  if (!(total > 0)) throw new Error(`not a duration: ${text}`);
  return total;
}

const base = env('STATUS2_WS_URL', 'ws://localhost:9002').replace(/\/+$/, '');
const channel = `${env('STATUS2_RUN_ID', 'loadtest')}:${env('STATUS2_CHANNEL', 'wepp')}`;
const url = `${base}/${channel}`;
const vus = Number(env('STATUS2_VUS', '300'));
const duration = milliseconds(env('STATUS2_DURATION', '5m'));
const silence = Number(env('STATUS2_MESSAGE_TIMEOUT_MS', '30000'));
const p95 = Number(env('STATUS2_P95_MS', '50'));
// Numbers that a viewer may miss in one go and still have told apart.
const hole_limit = 100000;

const latency = new Trend('status2_message_latency_ms');
const samples = new Counter('status2_message_latency_samples');
const failures = new Counter('status2_connection_failures');
const opened = new Counter('status2_connections_opened');
const received = new Counter('status2_messages_received');
const lost = new Counter('status2_messages_lost');
const duplicated = new Counter('status2_messages_duplicated');
const reordered = new Counter('status2_messages_reordered');
const timeouts = new Counter('status2_message_timeouts');
const unexpected = new Counter('status2_unexpected_frames');

export const options = {
  scenarios: {
    viewers: {
      executor: 'per-vu-iterations',
      vus,
      iterations: 1,
      maxDuration: `${duration + 15000}ms`,
      gracefulStop: '5s',
    },
  },
  // Tags cost the generator more than the messages do.
  systemTags: ['scenario'],
  summaryTrendStats: ['count', 'min', 'med', 'avg', 'p(90)', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    status2_message_latency_ms: [`p(95)<${p95}`],
    // A trend without samples passes every threshold; this one does not.
    status2_message_latency_samples: ['count>0'],
    status2_connection_failures: ['count<1'],
    status2_connections_opened: [`count>${vus - 1}`],
    status2_messages_received: ['count>0'],
    status2_messages_lost: ['count<1'],
    status2_messages_duplicated: ['count<1'],
    status2_messages_reordered: ['count<1'],
  },
};

// Tells lost from late by the publisher's numbers.
class Sequence {
  constructor() {
    this.next = -1;
    this.missing = new Set();
    this.forgotten = 0;
  }

  see(number) {
    if (this.next < 0 || number === this.next) {
      this.next = number + 1;
    } else if (number > this.next) {
      this.note_hole(number);
      this.next = number + 1;
    } else if (this.missing.delete(number)) {
      reordered.add(1);
    } else {
      duplicated.add(1);
    }
  }

  note_hole(number) {
    if (number - this.next > hole_limit) this.forgotten += number - this.next;
    else for (let n = this.next; n < number; n += 1) this.missing.add(n);
  }

  lost() {
    return this.missing.size + this.forgotten;
  }
}

function on_status(text, now, sequence) {
  received.add(1);
  let message;
  try {
    message = JSON.parse(text);
  } catch (_) {
    return; // plain text, such as "ready": counted, and no more is known
  }
  if (!message || typeof message.seq !== 'number') return;
  sequence.see(message.seq);
  if (typeof message.t === 'number') {
    latency.add(Math.max(now - message.t, 0));
    samples.add(1);
  }
}

// An exception in a handler closes the socket in k6: none may leave this.
function on_frame(socket, text, sequence) {
  const now = Date.now();
  let frame;
  try {
    frame = JSON.parse(text);
  } catch (_) {
    unexpected.add(1);
    return;
  }
  if (frame.type === 'status') on_status(frame.data, now, sequence);
  else if (frame.type === 'ping') socket.send('{"type":"pong"}');
}

// Nothing here blocks: the event loop of this VU runs the handlers.
export default function view() {
  const sequence = new Sequence();
  const socket = new WebSocket(url);
  let last = Date.now();
  let failed = false;
  let done = false;

  const fail = () => {
    if (!failed && !done) failures.add(1);
    failed = true;
  };
  const watch = setInterval(() => {
    if (Date.now() - last < silence) return;
    timeouts.add(1);
    last = Date.now();
  }, 1000);
  const end = setTimeout(() => {
    done = true;
    clearInterval(watch);
    lost.add(sequence.lost());
    socket.close();
  }, duration);

  socket.onopen = () => {
    opened.add(1);
    socket.send('{"type":"init"}');
  };
  socket.onmessage = (event) => {
    last = Date.now();
    on_frame(socket, event.data, sequence);
  };
  socket.onerror = fail;
  socket.onclose = () => {
    fail();
    if (done) return;
    // Closed by the other side: what is known is told, and the VU ends.
    done = true;
    clearInterval(watch);
    clearTimeout(end);
    lost.add(sequence.lost());
  };
}
