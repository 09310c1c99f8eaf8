<?php

declare(strict_types=1);

namespace App;

/** The HTML page of one resource: list, search, create, edit, delete. Its forms come back to the same address. */
final class ResourcePage
{
    public function __construct(
        private readonly Resource $resource,
        private readonly Rows $rows,
        private readonly Lists $lists,
        private readonly Validator $validator,
        private readonly Html $html,
        private readonly Csrf $csrf,
    ) {
    }

    public function answer(Request $request): Response
    {
        return match ($request->method) {
            'GET', 'HEAD' => isset($request->query['id']) ? $this->edit($request) : $this->list($request),
            'POST' => $this->post($request),
            default => throw HttpError::method($this->html->messages, 'GET, HEAD, POST'),
        };
    }

    private function list(Request $request): Response
    {
        $query = ListQuery::parse($this->resource, $request->query, $this->html->messages);

        return $this->show(200, $query, $this->defaults(), []);
    }

    private function edit(Request $request): Response
    {
        $row = $this->rows->get($this->id($request->query['id']));

        return $this->form(200, $row['id'], $row, []);
    }

    private function post(Request $request): Response
    {
        if (!$this->csrf->accepts($request)) {
            throw new HttpError(403, $this->html->messages->get('forged'));
        }
        $id = isset($request->form['id']) ? $this->id($request->form['id']) : null;
        $values = Form::values($this->resource, $request->form);
        try {
            $this->apply((string) $this->word($request->form['_action'] ?? 'save'), $id, $values);
        } catch (HttpError $error) {
            if ($error->status !== 422 && $error->status !== 409) {
                throw $error;
            }

            return $this->refused($error, $id, $request->form);
        }
        $this->lists->forget();

        return new Response(303, '', ['Location' => "/{$this->resource->name}"]);
    }

    /** @param array<string, mixed> $values */
    private function apply(string $action, ?int $id, array $values): void
    {
        match (true) {
            $action === 'delete' && $id !== null => $this->rows->delete($id),
            $action === 'save' && $id !== null => $this->update($id, $values),
            $action === 'save' => $this->rows->create($this->validator->whole($values)),
            default => throw HttpError::notFound($this->html->messages),
        };
    }

    /** @param array<string, mixed> $values */
    private function update(int $id, array $values): void
    {
        $this->rows->get($id);
        $this->rows->update($id, $this->validator->part($values));
    }

    /** @param array<string, mixed> $form */
    private function refused(HttpError $error, ?int $id, array $form): Response
    {
        $errors = $error->errors === [] ? ['_' => [$error->getMessage()]] : $error->errors;
        $values = array_filter($form, is_string(...)) + $this->defaults();
        if ($id !== null) {
            return $this->form($error->status, $id, $values + $this->rows->get($id), $errors);
        }

        return $this->show($error->status, ListQuery::parse($this->resource, [], $this->html->messages), $values, $errors);
    }

    /**
     * @param array<string, mixed>        $values what the form starts with
     * @param array<string, list<string>> $errors
     */
    private function show(int $status, ListQuery $query, array $values, array $errors): Response
    {
        [$json] = $this->lists->read($query);

        return $this->html->page($status, 'list', [
            'title' => $this->html->label($this->resource->name),
            'resource' => $this->resource,
            'list' => json_decode($json, true, 512, JSON_THROW_ON_ERROR),
            'query' => $query,
            'values' => $values,
            'errors' => $errors,
        ]);
    }

    /**
     * @param array<string, mixed>        $values
     * @param array<string, list<string>> $errors
     */
    private function form(int $status, int $id, array $values, array $errors): Response
    {
        return $this->html->page($status, 'edit', [
            'title' => $this->html->label($this->resource->name) . " #$id",
            'resource' => $this->resource,
            'id' => $id,
            'values' => $values,
            'errors' => $errors,
        ]);
    }

    /** @return array<string, mixed> */
    private function defaults(): array
    {
        return array_map(static fn (Field $field): mixed => $field->default, $this->resource->fields);
    }

    private function id(mixed $text): int
    {
        $id = filter_var($this->word($text), FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);

        return $id === false ? throw HttpError::notFound($this->html->messages) : $id;
    }

    private function word(mixed $value): ?string
    {
        return is_string($value) ? $value : null;
    }
}
