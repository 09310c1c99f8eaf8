// The tool that benchmarks call, served by the TypeScript SDK. Prints its origin, and ends with its standard input.

import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';

const properties = { text: { type: 'string' }, number: { type: 'integer' } };
const said = fromJsonSchema({ type: 'object', properties, required: ['text', 'number'] });

function make() {
    const server = new McpServer({ name: 'echo', version: '1' });
    const about = { description: 'Says it again.', inputSchema: said, outputSchema: said };
    server.registerTool('echo', about, async (given) => ({
        content: [{ type: 'text', text: JSON.stringify(given) }],
        structuredContent: given,
    }));
    return server;
}

const server = createServer(toNodeHandler(createMcpHandler(make, { responseMode: 'json' })));
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on('end', () => process.exit(0));
