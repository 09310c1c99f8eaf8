<?php

declare(strict_types=1);

namespace App;

use PDOException;
use Throwable;

/** Finds out who answers a request, and turns what goes wrong into an answer. */
final class Application
{
    private readonly Messages $messages;

    /** @param array{mysql: array<string, mixed>, redis: array<string, mixed>, secret: string} $config */
    public function __construct(private readonly string $root, private readonly array $config)
    {
        $this->messages = new Messages(require $root . '/app/messages.php');
    }

    public function handle(Request $request): Response
    {
        try {
            $response = $this->route($request);
        } catch (HttpError $error) {
            $response = $this->failure($request, $error);
        } catch (Throwable $error) {
            error_log((string) $error);
            $down = $error instanceof PDOException && Database::isDown($error);
            $response = $this->failure($request, $down
                ? new HttpError(503, $this->messages->get('unavailable'), [], ['Retry-After' => '2'])
                : new HttpError(500, $this->messages->get('broken')));
        }

        return $request->method === 'HEAD' ? $response->withoutBody() : $response;
    }

    private function route(Request $request): Response
    {
        $schema = new Schema($this->root . '/app');
        $csrf = new Csrf($this->config['secret'], $request);
        $html = new Html($this->root . '/templates', $this->messages, $csrf);
        if ($request->path === '/') {
            return (new HomePage($schema, $html))->answer($request);
        }
        if (preg_match('~^/(api/)?([a-z][a-z0-9_]*)(?:/([^/]+))?$~D', $request->path, $part) !== 1) {
            throw HttpError::notFound($this->messages);
        }
        [, $api, $name, $id] = $part + [3 => ''];
        $resource = $schema->find($name);
        if ($resource === null || ($api === '' && $id !== '')) {
            throw HttpError::notFound($this->messages);
        }
        $database = Database::connect($this->config['mysql']);
        $rows = new Rows($database, $resource, $this->messages);
        $lists = new Lists($rows, new Cache($this->config['redis']));
        $validator = new Validator($resource, $this->messages);

        return $api === ''
            ? (new ResourcePage($resource, $rows, $lists, $validator, $html, $csrf))->answer($request)
            : (new ResourceApi($resource, $rows, $lists, $validator, $this->messages))->answer($request, $id);
    }

    private function failure(Request $request, HttpError $error): Response
    {
        if (str_starts_with($request->path, '/api/')) {
            return Response::json($error->status, $error->body(), $error->headers);
        }
        $html = new Html($this->root . '/templates', $this->messages, new Csrf($this->config['secret'], $request));

        return $html->page($error->status, 'error', ['title' => $error->getMessage()], $error->headers);
    }
}
