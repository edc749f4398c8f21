#!/bin/sh
# Miller: purchases kept in a map by customer, customers emitted with theirs. miller.sh DATADIR OUT
exec mlr --icsv --ifs ';' --ojson -S --from "$1/purchases.csv" --from "$1/customers.csv" put -q '
if (FILENAME =~ "purchases.csv$") {
  number = @count[$customer_id];
  if (is_absent(number) || is_empty(number)) { number = 0 }
  @count[$customer_id] = number + 1;
  @bought[$customer_id][number + 1] = {
    "product_id": string($product_id), "price": float($price), "currency": $currency, "quantity": int($quantity),
    "purchased_at": $date
  };
} else {
  list = [];
  if (is_map(@bought[$customer_id])) { list = get_values(@bought[$customer_id]) }
  emit1 {
    "salutation": $title == 1 ? "Female" : "Male", "last_name": $lastname, "first_name": $firstname, "email": $email,
    "purchases": list
  };
}' > "$2"
