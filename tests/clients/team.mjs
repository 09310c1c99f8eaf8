// A user of the Planner, with the TypeScript SDK. Prints what came of it as JSON; the key is in YONIN_KEY.
//
// team.mjs use URL MODE APP                    lists tools; has an app built, reads what was made; is asked, and approves; cancels
// team.mjs many URL MODE COUNT APP             submits COUNT tasks, and waits for each, whatever becomes of its connections
// team.mjs decide URL MODE APP GOAL DECISION   is asked about the goal's change, and says: approve, or decline

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const GOAL = 'posts(title:string!)';
const ENDED = ['succeeded', 'failed', 'cancelled'];
const PARTS = ['', '/plan', '/design', '/changes', '/verdict', '/diff'];
const AT_ONCE = 8;
const forms = [];

// A person who fills in the form that is shown.
function approve(request) {
    forms.push(request.params.message);
    const fields = Object.entries(request.params.requestedSchema.properties);
    const words = (field) => field.enum ?? field.oneOf?.map((one) => one.const) ?? [];
    const [name, field] = fields.find(([, field]) => words(field).length > 0);
    return { action: 'accept', content: { [name]: words(field).find((word) => word.includes('approve')) } };
}

// A person who does not want to.
function decline(request) {
    forms.push(request.params.message);
    return { action: 'decline' };
}

async function connected(url, mode, work, asked = approve) {
    const capabilities = asked ? { elicitation: { form: {} } } : {};
    const client = new Client({ name: 'team', version: '1' }, { capabilities, versionNegotiation: { mode } });
    if (asked) client.setRequestHandler('elicitation/create', async (request) => asked(request));
    const headers = { Authorization: `Bearer ${process.env.YONIN_KEY}` };
    try {
        await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
        return await work(client);
    } finally {
        await client.close();
    }
}

async function call(client, name, args, key) {
    const _meta = key ? { 'dev.yonin/idempotencyKey': key } : undefined;
    const result = await client.callTool({ name, arguments: args, _meta });
    if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
    // What clients read that know no structured content.
    assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
    return result.structuredContent;
}

async function submit(client, app, key, approval = 'destructive', goal = GOAL) {
    return (await call(client, 'submit_task', { goal, app, approval }, key)).job_id;
}

async function until(client, id, statuses) {
    for (;;) {
        const task = await call(client, 'wait_task', { id, seconds: 20 });
        if (statuses.includes(task.status)) return task;
        assert(!ENDED.includes(task.status), JSON.stringify(task));
    }
}

// All that is there to read of a task.
async function read(client, id) {
    const parts = {};
    for (const part of PARTS) {
        const { contents } = await client.readResource({ uri: `yonin://tasks/${id}${part}` });
        parts[part] = contents[0].text.length;
    }
    return parts;
}

async function use(url, mode, app) {
    return connected(url, mode, async (client) => {
        const tools = (await client.listTools()).tools.map((tool) => tool.name);
        const built = await until(client, await submit(client, app, `${app}-built`), ENDED);
        const parts = await read(client, built.id);
        const id = await submit(client, app, `${app}-asks`, 'always', `${GOAL}; tags(name:string!)`);
        // It is asked for a form by the call that waits.
        const approved = await until(client, id, ENDED);
        // The form that it asks is not shown to a client that cannot show one.
        const cancel = async (formless) => {
            const goal = `${GOAL}; tags(name:string!); more(name:string!)`;
            const id = await submit(formless, app, `${app}-cancelled`, 'always', goal);
            await until(formless, id, ['waiting']);
            await call(formless, 'cancel_task', { id });
            return until(formless, id, ENDED);
        };
        const cancelled = await connected(url, 'legacy', cancel, null);
        const protocol = client.getNegotiatedProtocolVersion();
        const tasks = { built: built.id, approved: approved.id, cancelled: cancelled.id };
        return { protocol, tools, read: parts, forms: forms.length, tasks };
    });
}

async function decide(url, mode, app, goal, decision) {
    const decides = async (client) => {
        const id = await submit(client, app, `${app}-${decision}`, 'destructive', goal);
        const task = await until(client, id, ENDED);
        return { protocol: client.getNegotiatedProtocolVersion(), id: task.id, forms };
    };
    return connected(url, mode, decides, { approve, decline }[decision]);
}

// The connection broke, or there was none; the server said nothing.
function isOutage(error) {
    const codes = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED'];
    for (let cause = error; cause; cause = cause.cause) {
        if (codes.includes(cause.code)) return true;
        if (cause.name === 'AggregateError' && cause.errors.every(isOutage)) return true;
        if (cause instanceof TypeError && ['fetch failed', 'terminated'].includes(cause.message)) return true;
    }
    return false;
}

// Does it over a new connection, until the connection holds.
async function persistently(url, mode, work) {
    for (let outages = 0; ; outages += 1) {
        try {
            return [outages, await connected(url, mode, work)];
        } catch (error) {
            if (!isOutage(error)) throw error;
            await sleep(50);
        }
    }
}

async function many(url, mode, count, app) {
    const done = {};
    const numbers = [...Array(Number(count)).keys()];
    async function worker() {
        for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
            // Most goals can't be understood, which fails them at once; every hundredth is built.
            const [goal, key] = [number % 100 === 0 ? GOAL : 'Make it nice.', `${app}-${number}`];
            const submitted = (client) => submit(client, `${app}${number}`, key, 'auto', goal);
            const [broken, id] = await persistently(url, mode, submitted);
            const [again, task] = await persistently(url, mode, (client) => until(client, id, ENDED));
            done[key] = { id, status: task.status, outages: broken + again };
        }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return done;
}

const [what, url, mode, ...rest] = process.argv.slice(2);
console.log(JSON.stringify(await { use, many, decide }[what](url, mode, ...rest)));
