<?php

declare(strict_types=1);

namespace App;

/** The JSON API of one resource. */
final class ResourceApi
{
    public function __construct(
        private readonly Resource $resource,
        private readonly Rows $rows,
        private readonly Lists $lists,
        private readonly Validator $validator,
        private readonly Messages $messages,
    ) {
    }

    public function answer(Request $request, string $id): Response
    {
        if ($id === '') {
            return match ($request->method) {
                'GET', 'HEAD' => $this->list($request),
                'POST' => $this->create($request),
                default => throw HttpError::method($this->messages, 'GET, HEAD, POST'),
            };
        }
        $number = filter_var($id, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]);
        if ($number === false || (string) $number !== $id) {
            throw HttpError::notFound($this->messages);
        }

        return match ($request->method) {
            'GET', 'HEAD' => Response::json(200, $this->rows->get($number)),
            'PUT', 'PATCH' => $this->change($request, $number),
            'DELETE' => $this->delete($number),
            default => throw HttpError::method($this->messages, 'GET, HEAD, PUT, PATCH, DELETE'),
        };
    }

    private function list(Request $request): Response
    {
        [$json, $hit] = $this->lists->read(ListQuery::parse($this->resource, $request->query, $this->messages));

        return Response::jsonText(200, $json, ['X-Cache' => $hit ? 'HIT' : 'MISS']);
    }

    private function create(Request $request): Response
    {
        $row = $this->rows->create($this->validator->whole($request->json($this->messages)));
        $this->lists->forget();

        return Response::json(201, $row, ['Location' => "/api/{$this->resource->name}/{$row['id']}"]);
    }

    private function change(Request $request, int $id): Response
    {
        $input = $request->json($this->messages);
        $this->rows->get($id);
        $values = $request->method === 'PUT' ? $this->validator->whole($input) : $this->validator->part($input);
        $row = $this->rows->update($id, $values);
        $this->lists->forget();

        return Response::json(200, $row);
    }

    private function delete(int $id): Response
    {
        $this->rows->delete($id);
        $this->lists->forget();

        return new Response(204);
    }
}
